"""The expert: a clean drive in unseen towns, and sound advice beside the lane."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from convoy_sim import expert
from convoy_sim.lanes import RED
from convoy_sim.route import tour
from convoy_sim.traffic import Density
from convoy_sim.world import World


@pytest.mark.parametrize(("seed", "weather"), [(1000, "clear"), (1001, "rain")])
def test_the_expert_drives_a_minute_without_an_intervention(seed: int, weather: str) -> None:
    world = World(seed, Density(20, 30), weather)
    while world.time_s < 60:
        world.step(*expert.drive(world))
    figures = world.metrics.as_dict()
    assert figures["autonomy"] == 1.0
    assert figures["red_lights_run"] == figures["off_road"] == 0
    assert figures["mean_lateral_m"] < 0.05
    assert figures["km"] > 0.2


@pytest.mark.parametrize(("aside", "turn"), [(1.0, 0.0), (-1.0, 0.0), (0.0, 0.25), (0.0, -0.25), (0.6, -0.2)])
def test_the_expert_finds_back_to_the_middle(aside: float, turn: float) -> None:
    world = World(1000, Density(0, 0))
    while world.state.speed < 8:
        world.step(*expert.drive(world))
    x, y, heading = world.route.pose(world.agent.s)
    world.vehicle.place(x - aside * math.sin(heading), y + aside * math.cos(heading), heading + turn, 8.0)
    world.step(0.0, 8.0)
    for _ in range(60):
        assert not [event for event in world.step(*expert.drive(world)) if event.intervention]
    assert abs(world.state.lateral) < 0.1


def test_labels_are_what_the_expert_does_and_drive_as_well() -> None:
    world = World(1000, Density(10, 10))
    while world.time_s < 60:
        label = expert.relabel(world, world.state.x, world.state.y, world.state.heading)
        assert label.steering_angle == pytest.approx(expert.drive(world).steering_angle, abs=1e-3)
        world.step(*label)
    assert world.metrics.as_dict()["autonomy"] == 1.0
    assert world.metrics.as_dict()["red_lights_run"] == 0


def test_the_speed_of_a_label_tells_of_the_place_and_not_of_the_car() -> None:
    world = World(1000, Density(0, 0))
    light = next(light for light in world.town.lights if light.state(0.0) == RED)
    route = tour(world.roads, np.random.default_rng(0), [light.lane])
    speeds = []
    for metres in (12.0, 8.0, 4.0, 1.0):
        world.reset(route=route, s=world.roads.line[light.lane] - world.agent.front - metres)
        speeds.append(expert.relabel(world, world.state.x, world.state.y, world.state.heading).speed)
    assert all(a > b + 0.5 for a, b in pairwise(speeds))
    assert speeds[-1] < 1.0


def test_relabelling_steers_back_from_either_side() -> None:
    world = World(1000, Density(0, 0))
    for _ in range(100):
        world.step(*expert.drive(world))
    state = world.state
    straight = expert.drive(world).steering_angle
    for aside in (-0.8, -0.3, 0.3, 0.8):
        x, y = state.x - aside * math.sin(state.heading), state.y + aside * math.cos(state.heading)
        assert (expert.relabel(world, x, y, state.heading).steering_angle - straight) * aside < 0
        assert (
            expert.relabel(world, state.x, state.y, state.heading + aside / 4).steering_angle - straight
        ) * aside < 0
