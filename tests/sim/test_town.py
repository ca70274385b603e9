"""Towns: what drivers, planners and cameras rely on."""

from __future__ import annotations

import time

import numpy as np
import pytest

from convoy_sim.curve import wrap
from convoy_sim.lanes import GREEN, RED
from convoy_sim.network import LANE_WIDTH_M, TIGHTEST_BEND_M
from convoy_sim.town import Town

SEEDS = (0, 7, 1003, 1150, 987654)


@pytest.fixture(scope="module", params=SEEDS)
def town(request: pytest.FixtureRequest) -> Town:
    return Town.generate(request.param)


def bytes_of(town: Town) -> bytes:
    lanes = b"".join(lane.curve.xy.tobytes() + lane.curve.heading.tobytes() for lane in town.lanes)
    return lanes + repr((town.lights, town.buildings, town.props, town.parked)).encode()


def test_a_seed_always_makes_the_same_town_and_another_seed_another() -> None:
    assert bytes_of(Town.generate(5)) == bytes_of(Town.generate(5))
    assert bytes_of(Town.generate(5)) != bytes_of(Town.generate(6))


def test_lanes_join_without_a_gap_or_a_kink(town: Town) -> None:
    for lane in town.lanes:
        assert lane.successors, "no dead ends"
        for after in (town.lanes[k] for k in lane.successors):
            assert np.hypot(*(lane.curve.xy[-1] - after.curve.xy[0])) < 0.02
            assert abs(wrap(lane.curve.heading[-1] - after.curve.heading[0])) < 0.03
            assert lane.id in after.predecessors


def test_every_lane_leads_to_every_other(town: Town) -> None:
    reached, todo = {0}, [0]
    while todo:
        new = set(town.lanes[todo.pop()].successors) - reached
        reached |= new
        todo += new
    assert reached == set(range(len(town.lanes)))


def test_bends_are_wide_enough_to_drive(town: Town) -> None:
    for lane in town.lanes:
        tightest = TIGHTEST_BEND_M - LANE_WIDTH_M / 2 - 0.5 if lane.turn == "follow" else 12.0
        assert 1 / np.abs(lane.curve.curvature).max() >= tightest


def test_several_minutes_of_road(town: Town) -> None:
    metres = sum(lane.curve.length for lane in town.lanes if lane.road >= 0)
    assert metres / (30 / 3.6) > 180


def test_a_pose_is_found_on_its_lane(town: Town) -> None:
    rng = np.random.default_rng(1)
    roads = [lane for lane in town.lanes if lane.road >= 0]
    for _ in range(300):
        lane = roads[rng.integers(len(roads))]
        s, left, turned = rng.uniform(1, lane.curve.length - 1), rng.uniform(-1.5, 1.5), rng.uniform(-0.5, 0.5)
        x, y, heading = lane.curve.at(s)
        found = town.locate(x - left * np.sin(heading), y + left * np.cos(heading), heading + turned)
        assert found.lane == lane.id
        assert found.s == pytest.approx(s, abs=0.05)
        assert found.lateral == pytest.approx(left, abs=0.02)
        assert found.heading_error == pytest.approx(turned, abs=0.01)


def test_many_poses_are_found_at_once_like_one_by_one(town: Town) -> None:
    rng = np.random.default_rng(2)
    x, y, heading = rng.uniform(-300, 300, (3, 200))
    together = town.locate(x, y, heading)
    for k in range(0, 200, 20):
        alone = town.locate(x[k], y[k], heading[k])
        assert (alone.lane, alone.s, alone.lateral) == (together.lane[k], together.s[k], together.lateral[k])


def test_a_query_is_fast(town: Town) -> None:
    town.locate(0.0, 0.0, 0.0)
    x, y, heading = np.random.default_rng(3).uniform(-100, 100, (3, 1000))
    start = time.process_time()
    town.locate(x, y, heading)
    assert (time.process_time() - start) / 1000 < 50e-6


def test_the_road_ends_at_the_kerb(town: Town) -> None:
    for footway in town.footways:
        bay_or_not = footway.kerb[::7]
        assert not town.on_road(*footway.edge[::7].T).any()
        assert (town.road_margin(*bay_or_not.T) < 0.1).all()
    for lane in town.lanes:
        assert town.on_road(*lane.curve.xy.T).all()


def test_opposite_approaches_share_a_phase_and_crossing_ones_never_go_together(town: Town) -> None:
    assert town.lights
    for junction in town.junctions:
        lights = [light for light in town.lights if light.junction == junction.id]
        for time_s in np.arange(0, 60, 0.5):
            phases = {light.phase for light in lights if light.state(time_s) != RED}
            assert len(phases) <= 1
        for light in lights:
            assert any(light.state(t) == GREEN for t in np.arange(0, light.cycle_s, 0.5))
            assert town.lanes[light.lane].light == light.id
            assert town.lanes[light.lane].stop_s is not None


def test_people_can_cross_from_one_pavement_to_another(town: Town) -> None:
    for crossing in town.crossings:
        ends = [f.walk.at(s)[:2] for f in town.footways for at, s in f.crossings if at == crossing.id]
        assert len(ends) == 2
        (ax, ay), (bx, by) = ends
        assert np.hypot(bx - ax, by - ay) == pytest.approx(2 * LANE_WIDTH_M + 2.6, abs=0.3)


def test_nothing_stands_on_the_road(town: Town) -> None:
    boxes = town.obstacles
    along, across = boxes[:, 3] / 2, boxes[:, 4] / 2
    c, s = np.cos(boxes[:, 2]), np.sin(boxes[:, 2])
    for i in (-1, 1):
        for j in (-1, 1):
            x = boxes[:, 0] + i * along * c - j * across * s
            y = boxes[:, 1] + i * along * s + j * across * c
            assert not town.on_road(x, y).any()
