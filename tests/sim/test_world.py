"""The world: what counts as an intervention, and that a drive is the same every time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convoy_sim import expert
from convoy_sim.driver import Agent
from convoy_sim.errors import SimulationError
from convoy_sim.lanes import RED
from convoy_sim.metrics import Metrics
from convoy_sim.route import Route, shortest, tour
from convoy_sim.traffic import Car, Density
from convoy_sim.world import STALL_S, STEP_S, World

EMPTY = Density(cars=0, people=0)


def test_the_same_drive_comes_out_the_same_to_the_last_bit() -> None:
    def run(drive: int) -> list[object]:
        world = World(1000, Density(8, 8), drive=drive)
        states = []
        for _ in range(200):
            world.step(*expert.drive(world))
            states.append(world.state)
        return [states, world.metrics.as_dict(), world.traffic.outlines().tolist()]

    assert run(0) == run(0)
    assert run(0) != run(1)


def test_a_reset_world_is_a_new_world() -> None:
    used, fresh = World(1001, Density(5, 5)), World(1001, Density(5, 5), drive=7)
    for _ in range(50):
        used.step(0.3, 8.0)
    assert used.reset(7) == fresh.state
    assert used.step(0.0, 5.0) == fresh.step(0.0, 5.0)
    assert used.state == fresh.state


def test_leaving_the_lane_is_an_intervention_and_the_car_is_put_back() -> None:
    world = World(1000, EMPTY)
    kinds = []
    while not kinds:
        kinds = [event.kind for event in world.step(0.25, 6.0) if event.intervention]
    assert kinds == ["lane"]
    assert abs(world.state.lateral) > 1.75
    where = world.state.s
    world.step(0.0, 5.0)
    assert abs(world.state.lateral) < 0.1
    assert world.state.s == pytest.approx(where, abs=1.0)
    assert world.metrics.as_dict()["interventions"] == 1


def test_a_collision_puts_the_car_back_where_it_is_free() -> None:
    world = World(1000, EMPTY)
    other = Agent(1, world.route, world.agent.s + 30.0, 4.2, 1.8, 0.8, 0.01)
    world.traffic.cars.append(Car(other, "sedan", "red"))
    events = ()
    while not events:
        events = world.step(expert.drive(world).steering_angle, 9.0)
    assert [(event.kind, event.what) for event in events] == [("collision", "car")]
    assert not world.step(0.0, 0.0)
    assert world.state.speed < 0.1
    assert other.rear - world.agent.nose > 2.0


def test_standing_without_cause_is_an_intervention_and_standing_at_a_red_light_is_none() -> None:
    world = World(1000, EMPTY)
    while world.time_s < STALL_S - 2 * STEP_S:
        assert world.step(0.0, 0.0) == ()
    assert [e.kind for _ in range(3) for e in world.step(0.0, 0.0)] == ["stall"]
    while not (world.agent.plan.reason == "light" and world.state.speed < 0.1):
        world.step(*expert.drive(world))
    waited = 0.0
    while world.agent.plan.reason == "light":
        assert world.step(0.0, 0.0) == ()
        waited += STEP_S
    assert waited > 1.0


def test_a_red_light_run_is_counted_apart() -> None:
    world = World(1000, EMPTY)
    red = 0
    for light in world.town.lights:
        world.reset(
            route=tour(world.roads, np.random.default_rng(0), [light.lane]), s=world.roads.line[light.lane] - 40
        )
        while world.agent.nose < world.roads.line[light.lane]:
            world.step(expert.drive(world).steering_angle, 8.0)
        state = light.state(world.time_s)
        red += state == RED
        for _ in range(10):
            world.step(expert.drive(world).steering_angle, 8.0)
        assert world.metrics.as_dict()["red_lights_run"] == (state == RED)
        assert world.metrics.interventions == 0
    assert 0 < red < len(world.town.lights)


def test_driving_over_the_kerb_is_reported() -> None:
    world = World(1000, EMPTY)
    kinds = set()
    for _ in range(100):
        kinds |= {event.kind for event in world.step(-0.2, 6.0)}
    assert "off_road" in kinds


def test_a_way_to_a_goal_ends_there() -> None:
    world = World(1000, EMPTY)
    lane = world.town.lanes[0]
    way = shortest(world.roads, 0, world.town.lanes[lane.successors[0]].successors[0])
    world.reset(route=Route(world.roads, way), s=10.0)
    while world.time_s < 120 and not (world.agent.plan.reason == "goal" and world.state.speed < 0.05):
        assert not [event for event in world.step(*expert.drive(world)) if event.intervention]
    assert world.route.length - world.agent.nose < 2.0


def test_a_command_that_is_no_number_is_refused() -> None:
    world = World(1000, EMPTY)
    for command in ((math.nan, 5.0), (0.0, math.inf)):
        with pytest.raises(SimulationError, match="A command is a finite angle and speed"):
            world.step(*command)
    assert world.time_s == 0.0


def test_an_unknown_weather_is_refused() -> None:
    with pytest.raises(SimulationError, match="no weather 'hail'"):
        World(1000, weather="hail")


def test_autonomy_is_pilotnets() -> None:
    metrics = Metrics(elapsed_s=600.0, metres=5000.0, lateral_sum=60.0)
    metrics.events.update(["lane"] * 8 + ["collision"] * 2 + ["red_light"] * 3)
    figures = (metrics + Metrics()).as_dict()
    assert figures["autonomy"] == pytest.approx(0.9)
    assert figures["interventions"] == 10
    assert figures["red_lights_run"] == 3
    assert figures["collisions_per_km"] == pytest.approx(0.4)
    assert figures["mean_lateral_m"] == pytest.approx(0.1)
