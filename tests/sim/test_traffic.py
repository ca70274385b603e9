"""Traffic: nobody collides, nobody is stuck, people get across, all from a seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from convoy_sim.driver import Agent
from convoy_sim.errors import SimulationError
from convoy_sim.lanes import GREEN, RED
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.outlines import hits, hits_disc
from convoy_sim.pedestrians import Walker
from convoy_sim.traffic import Car, Density, Stray, Traffic
from convoy_sim.world import World

STEP_S = 0.05


def drive(traffic: Traffic, seconds: float) -> Iterator[float]:
    """Let the traffic run, with the ego car on rails like all others; yields the time after every step."""
    ego, time_s = traffic.ego, 0.0
    traffic.plan(0.0, 0.0)
    for _ in range(round(seconds / STEP_S)):
        speed = max(0.0, ego.speed + ego.plan.acceleration * STEP_S)
        ego.s += (ego.speed + speed) / 2 * STEP_S
        ego.speed = speed
        traffic.move(time_s, STEP_S)
        time_s += STEP_S
        traffic.plan(time_s, STEP_S)
        yield time_s


@pytest.mark.parametrize("seed", [1000, 1001])
def test_dense_traffic_neither_collides_nor_stops_for_good(seed: int) -> None:
    traffic = World(seed, Density(cars=35, people=60)).traffic
    agents = [car.agent for car in traffic.cars]
    stood = np.zeros(len(agents))
    crossed, crossing_before = 0, set()
    for time_s in drive(traffic, 90.0):
        moving = np.array([agent.speed > 0.2 for agent in agents])
        stood = np.where(moving, 0.0, stood + STEP_S)
        assert stood.max() < 75
        crossing = {p for p in traffic.people if isinstance(p, Walker) and p.stage == "cross"}
        crossed += len(crossing - crossing_before)
        crossing_before = crossing
        if round(time_s / STEP_S) % 5:
            continue
        outlines = traffic.outlines()
        for at, box in enumerate(outlines):
            assert not len(hits(tuple(box), outlines[at + 1 :]))
            near = [p for p in crossing if abs(p.x - box[0]) < 4 and abs(p.y - box[1]) < 4]
            assert not any(hits_disc(tuple(box), p.x, p.y, 0.3) for p in near)
    assert crossed > 5
    assert np.mean([agent.s for agent in agents]) > 90 * 3


def test_cars_keep_to_red_lights() -> None:
    world = World(1002, Density(cars=30, people=0))
    town, traffic, passed = world.town, world.traffic, {RED: 0, GREEN: 0}
    before = {car.agent.id: car.agent.nose for car in traffic.cars}
    for time_s in drive(traffic, 60.0):
        for agent in (car.agent for car in traffic.cars):
            k = agent.route.junction_after(agent.s)
            assert k is not None
            lane = town.lanes[agent.route.lanes[k - 1]]
            line = agent.route.starts[k - 1] + (lane.stop_s or 0.0)
            if lane.light >= 0 and before[agent.id] < line <= agent.nose:
                state = town.lights[lane.light].state(time_s)
                passed[state] = passed.get(state, 0) + 1
            before[agent.id] = agent.nose
    assert passed[RED] == 0
    assert passed[GREEN] > 10


def test_people_keep_off_the_road_except_on_crossings() -> None:
    world = World(1003, Density(cars=0, people=80))
    people = [p for p in world.traffic.people if isinstance(p, Walker)]
    for time_s in drive(world.traffic, 60.0):
        if round(time_s) == time_s:
            margin = world.town.road_margin([p.x for p in people], [p.y for p in people])
            for person, inside in zip(people, margin, strict=True):
                assert inside < 0.1 or person.stage == "cross"
                if person.stage == "cross":
                    assert abs(person.offset(world.town.crossings[person.crossing[0]])) < LANE_WIDTH_M + 1.5


def test_the_same_seed_makes_the_same_traffic() -> None:
    def places(seed: int) -> np.ndarray:
        traffic = World(seed, Density(cars=12, people=12)).traffic
        for _ in drive(traffic, 10.0):
            pass
        return np.concatenate([traffic.outlines()[:, :3], [[p.x, p.y, p.heading] for p in traffic.people]])

    assert np.array_equal(places(1000), places(1000))


def test_cars_wait_behind_an_ego_car_that_stands_across_their_lane() -> None:
    world = World(1000, Density(cars=25, people=0))
    lane = max(world.town.lanes, key=lambda lane: lane.curve.length)
    behind = [c.agent for c in world.traffic.cars if c.agent.route.lanes[0] == lane.id]
    assert behind
    s = behind[0].s + 40.0
    x, y, heading = world.roads.pose(lane.id, s)
    model = world.vehicle.model
    stray = Stray(x, y, heading + 1.2, model.length, model.width, 0.0, 0)
    time_s = 0.0
    for _ in range(400):
        world.traffic.plan(time_s, STEP_S, [stray])
        world.traffic.move(time_s, STEP_S)
        time_s += STEP_S
    assert behind[0].speed < 0.1
    assert s - 8 < behind[0].nose < s - 2


def test_a_car_brakes_for_a_leader_without_touching_it() -> None:
    world = World(1000, Density(cars=0, people=0))
    ego = world.agent
    traffic = world.traffic
    other = Agent(1, ego.route, ego.s + 50.0, 4.2, 1.8, 0.8, 1.0)
    traffic.cars.append(Car(other, "sedan", "red"))
    for _ in drive(traffic, 15.0):
        other.speed = 0.0
        other.plan.acceleration = 0.0
    assert 0.5 < other.rear - ego.nose < 4.0


def test_a_density_beyond_reason_is_refused() -> None:
    with pytest.raises(SimulationError, match="0 to 60 cars; found 61"):
        Density(cars=61)
