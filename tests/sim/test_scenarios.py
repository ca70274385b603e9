"""Scenarios: whoever does not brake collides, whoever brakes does not, and every number is always the same."""

from __future__ import annotations

import pytest

from convoy_sim import expert
from convoy_sim.errors import SimulationError
from convoy_sim.scenarios import KINDS, SECONDS, Scenario, Staged, suite
from convoy_sim.traffic import Density
from convoy_sim.world import World


def play(staged: Staged, blind: bool) -> bool:
    """Whether there is a collision."""

    def policy() -> tuple[float, float]:
        command = expert.drive(staged.world)
        return (command.steering_angle, 9.0) if blind else command

    return staged.play(policy).events["collision"] > 0


@pytest.mark.parametrize("scenario", suite(8, "1000-1003"), ids=lambda s: f"{s.kind}_{s.number}")
def test_it_can_be_avoided_and_comes_in_the_way_of_who_does_not(scenario: Scenario) -> None:
    with_expert = scenario.begin()
    assert not play(with_expert, blind=False)
    assert with_expert.world.time_s < SECONDS
    assert with_expert.world.metrics.interventions == 0
    assert play(scenario.begin(), blind=True)


def test_a_suite_has_all_kinds_and_is_the_same_every_time() -> None:
    scenarios = suite()
    assert len(scenarios) == 50
    assert all(sum(s.kind == kind for s in scenarios) >= 12 for kind in KINDS)
    assert scenarios == suite()
    assert all(1100 <= town < 1200 for s in scenarios for town in s.towns)
    one, other = (suite(3, "1000")[2].begin() for _ in range(2))
    play(one, blind=False)
    play(other, blind=False)
    assert one.world.state == other.world.state


def test_who_stands_meets_nobody() -> None:
    staged = suite(1, "1000")[0].begin()
    assert staged.play(lambda: (0.0, 0.0)).events["collision"] == 0


def test_a_town_without_a_place_is_named() -> None:
    lit = next(s for s in range(1000, 1100) if all(j.lit for j in World(s, Density(0, 0)).town.junctions))
    with pytest.raises(SimulationError, match=f"No place for a turn_across in any of these towns: {lit}"):
        Scenario(0, "turn_across", (lit,)).begin()
