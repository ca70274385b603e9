"""The expert: drives by what the world knows, not by what a camera sees.

Steering is feed-forward of the lane's curvature, taken where the car will be when its wheels have turned, plus feedback
of the distance and the heading, with the same damping over the way at all speeds. Speed is by `convoy_sim.driver`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from convoy_sim.curve import wrap
from convoy_sim.route import Route
from convoy_sim.vehicle import GRAVITY, VehicleModel
from convoy_sim.world import World

PREVIEW_S = (0.1, 0.2, 0.3)
"""When curvatures are taken: round the delay of the steering and of the car's turning."""
SHORTEST_WAY_M, WAY_S = 3.5, 0.55
"""Deviations die away over this distance, or over what is driven in this time if that is farther."""
DAMPING = 0.9
_HOLD_BELOW_MPS = 0.3
_ASIDE_M, _ASIDE_MPS = 0.8, 5.0
"""Farther beside the lane than this, the expert goes no faster than that."""


class Command(NamedTuple):
    """What a vehicle is told: steering angle in rad, left positive, and speed in m/s."""

    steering_angle: float
    speed: float


def drive(world: World) -> Command:
    """What the expert does now."""
    state = world.state
    angle = steer(world.route, world.agent.s, state.lateral, state.heading_error, state.speed, world.vehicle.model)
    return Command(angle, _speed(world, state.lateral))


def relabel(world: World, x: float, y: float, heading: float) -> Command:
    """What a policy should learn to do at a pose near the car's, which may be some metres from the lane.

    The speed is the one that the place asks for, as far as a picture can tell: unlike what `drive` commands, it does
    not depend on how fast the car is.
    """
    ahead = (x - world.state.x) * math.cos(world.state.heading) + (y - world.state.y) * math.sin(world.state.heading)
    s, lateral = world.route.project(x, y, world.agent.s + ahead)
    _, _, along = world.route.pose(s)
    error = float(wrap(heading - along))
    angle = steer(world.route, s, lateral, error, world.state.speed, world.vehicle.model)
    return Command(angle, _slow_aside(world.agent.plan.target, lateral))


def steer(route: Route, s: float, lateral: float, heading_error: float, speed: float, model: VehicleModel) -> float:
    """Steering angle that keeps to a route: rear axle at arc length `s`, `lateral` metres left of it."""
    bend = sum(route.curvature(s + speed * seconds) for seconds in PREVIEW_S) / len(PREVIEW_S)
    # In a bend the rear tyres slip, so that the car points into it.
    slip = speed**2 * route.curvature(s) / (model.cornering_stiffness * GRAVITY)
    way = max(SHORTEST_WAY_M, WAY_S * speed)
    turn = bend - lateral / way**2 - 2 * DAMPING / way * math.sin(heading_error - slip)
    angle = math.atan(model.wheel_base * turn)
    return min(max(angle, -model.max_steering_angle), model.max_steering_angle)


def _speed(world: World, lateral: float) -> float:
    """The speed to command for the acceleration that the driver wants; slower beside the lane."""
    plan, speed = world.agent.plan, world.state.speed
    if speed < _HOLD_BELOW_MPS and plan.acceleration <= 0.0:
        return 0.0
    return _slow_aside(max(speed + plan.acceleration / world.vehicle.model.speed_gain, 0.0), lateral)


def _slow_aside(speed: float, lateral: float) -> float:
    return min(speed, _ASIDE_MPS) if abs(lateral) > _ASIDE_M else speed
