"""The radar: how far the way ahead is free, along the way that the wheels point to."""

from __future__ import annotations

import math

import pytest

from convoy_sim import expert
from convoy_sim.pedestrians import PERSON_RADIUS_M, Person
from convoy_sim.radar import MAX_RANGE_M, look_ahead
from convoy_sim.scenarios import suite
from convoy_sim.traffic import Density
from convoy_sim.world import World


@pytest.fixture
def world() -> World:
    """The car stands on a straight stretch, alone."""
    staged = suite(1, "1000")[0].begin()
    staged.world.traffic.people.clear()
    return staged.world


def put(world: World, ahead: float, left: float) -> Person:
    """Somebody so far ahead of the front bumper and to the left of straight ahead."""
    state, model = world.state, world.vehicle.model
    far = model.length - model.rear_overhang + ahead
    c, s = math.cos(state.heading), math.sin(state.heading)
    person = Person(state.x + far * c - left * s, state.y + far * s + left * c, 0.0, 1.0, 0)
    world.traffic.people.append(person)
    return person


def test_it_measures_from_the_bumper_to_the_nearest_in_the_way(world: World) -> None:
    assert look_ahead(world) == math.inf
    put(world, 25.0, 0.3)
    put(world, 12.0, -0.4)
    assert look_ahead(world) == pytest.approx(12.0 - PERSON_RADIUS_M, abs=0.05)


def test_what_is_beside_the_way_or_behind_or_too_far_is_not_in_it(world: World) -> None:
    put(world, 10.0, 1.6)
    put(world, 10.0, -1.6)
    put(world, -8.0, 0.0)
    put(world, MAX_RANGE_M + 2.0, 0.0)
    assert look_ahead(world) == math.inf


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_way_bends_as_the_wheels_do(world: World, side: float) -> None:
    radius, angle = 20.0, 0.6
    model = world.vehicle.model
    front = model.length - model.rear_overhang
    put(world, radius * math.sin(angle) - front, side * radius * (1 - math.cos(angle)))
    assert look_ahead(world) > 11.0  # seen by nobody who goes straight on
    world.state = world.state.__class__(
        **{**vars(world.state), "steering_angle": side * math.atan(model.wheel_base / radius)}
    )
    assert look_ahead(world) == pytest.approx(radius * angle - front - PERSON_RADIUS_M, abs=0.1)


def test_a_car_ahead_is_seen_as_far_as_its_bumper_is() -> None:
    world = World(1000, Density(60, 0))
    for _ in range(2400):
        world.step(*expert.drive(world))
        state, plan = world.state, world.agent.plan
        if plan.gap < 15.0 and abs(state.steering_angle) < 0.004 and abs(state.curvature) < 0.001:
            break
    assert look_ahead(world) == pytest.approx(plan.gap, abs=0.5)


@pytest.mark.parametrize("left", [-0.6, 0.0, 0.6])
@pytest.mark.parametrize("ahead", [0.4, 0.8, 2.0])
def test_what_is_near_stays_seen_as_wide_as_the_car_is(world: World, ahead: float, left: float) -> None:
    put(world, ahead, left)
    assert look_ahead(world) == pytest.approx(ahead - PERSON_RADIUS_M, abs=0.05)
