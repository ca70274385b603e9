"""Routes: endless tours that vary, ways to a goal, progress and instructions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from convoy_sim.errors import SimulationError
from convoy_sim.roads import Roads
from convoy_sim.route import INSTRUCTION_FROM_M, Route, lap, shortest, tour
from convoy_sim.town import Town


@pytest.fixture(scope="module")
def roads() -> Roads:
    return Roads(Town.generate(1000))


def test_a_tour_goes_on_takes_all_turns_and_sees_the_town(roads: Roads) -> None:
    route = tour(roads, np.random.default_rng(1))
    route.extend(8000.0)
    lanes = roads.town.lanes
    assert all(b in lanes[a].successors for a, b in pairwise(route.lanes))
    turns = [lanes[lane].turn for lane in route.lanes if lanes[lane].road < 0]
    assert all(turns.count(turn) > len(turns) / 6 for turn in ("left", "right", "straight"))
    assert len({lane for lane in route.lanes if lanes[lane].road >= 0}) > 0.8 * 2 * len(roads.town.network.roads)


def test_the_same_seed_makes_the_same_tour(roads: Roads) -> None:
    tours = [tour(roads, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    for route in tours:
        route.extend(3000.0)
    assert tours[0].lanes == tours[1].lanes != tours[2].lanes


def test_a_way_to_a_goal_is_the_shortest(roads: Roads) -> None:
    goal = roads.town.lanes[0].opposite
    way = shortest(roads, 0, goal)
    assert way[0] == 0
    assert way[-1] == goal
    route = Route(roads, way)
    wander = tour(roads, np.random.default_rng(0), [0])
    while wander.lanes[-1] != goal:
        wander.extend(wander.length)
    assert route.ends
    assert route.length <= wander.length


def test_a_route_of_lanes_that_do_not_meet_is_refused(roads: Roads) -> None:
    with pytest.raises(SimulationError, match="do not meet"):
        Route(roads, [0, 0])
    with pytest.raises(SimulationError, match="has lanes 0 to"):
        shortest(roads, 0, 10_000)


def test_progress_follows_a_car_beside_the_lane(roads: Roads) -> None:
    route = tour(roads, np.random.default_rng(2))
    found = 0.0
    for s in np.arange(0.0, 600.0, 1.0):
        route.extend(s)
        x, y, heading = route.pose(s)
        aside = 1.2 * np.sin(s / 15)
        found, lateral = route.project(x - aside * np.sin(heading), y + aside * np.cos(heading), found + 1.0)
        assert found == pytest.approx(s, abs=0.1)
        assert lateral == pytest.approx(aside, abs=0.02)


def test_an_instruction_is_given_before_a_junction_until_it_is_left(roads: Roads) -> None:
    route = tour(roads, np.random.default_rng(5))
    route.extend(1500.0)
    lanes = roads.town.lanes
    for k in range(1, len(route.lanes) - 1, 2):
        turn, start, end = lanes[route.lanes[k]].turn, route.starts[k], route.starts[k + 1]
        assert route.instruction(start - INSTRUCTION_FROM_M - 1) == "follow"
        assert {route.instruction(s) for s in np.arange(start - INSTRUCTION_FROM_M + 1, end, 2.0)} == {turn}
        assert route.instruction(end + 0.1) == "follow"


def test_allowed_speed_is_slow_enough_for_every_bend_and_reached_without_hard_braking(roads: Roads) -> None:
    route = tour(roads, np.random.default_rng(6))
    route.extend(1500.0)
    s = np.arange(0.0, 1400.0, 0.5)
    speed = np.array([route.speed(at) for at in s])
    bend = np.array([route.curvature(at) for at in s])
    assert (speed**2 * np.abs(bend)).max() < 2.8
    assert ((speed[10:] ** 2 - speed[:-10] ** 2) / (2 * 5.0)).min() > -2.5


def test_a_lap_comes_back_to_where_it_began_by_the_shortest_way_and_goes_on(roads: Roads) -> None:
    route = lap(roads)
    once, length = list(route.lanes), route.length
    assert len(set(once)) == len(once)
    assert roads.town.lanes[once[0]].road >= 0
    ways = [shortest(roads, after, once[0]) for after in roads.town.lanes[once[0]].successors]
    assert length == pytest.approx(min(sum(roads.length[lane] for lane in way) for way in ways))
    start = route.pose(10.0)
    route.extend(2 * length + 10.0)
    assert route.pose(2 * length + 10.0) == pytest.approx(start)
    assert route.lanes[: 2 * len(once)] == 2 * once
    assert not route.ends
