"""A radar behind the front bumper: how far the way ahead is free, as a range sensor of a car would tell."""

from __future__ import annotations

import math
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np

from convoy_sim.curve import Floats
from convoy_sim.pedestrians import PERSON_RADIUS_M
from convoy_sim.town import Town
from convoy_sim.world import World

MAX_RANGE_M = 40.0
FIELD_OF_VIEW = math.radians(70.0)
"""Whole angle, to both sides of straight ahead."""
_BEHIND_BUMPER_M = 1.0
"""Where the field opens, so that at the bumper it is as wide as the car: what is near stays seen."""
NARROWER_M = 0.2
"""What is passed over on either side of the way: what the car would only graze is a matter of steering."""
_POINTS_M = 0.75
_STRAIGHT = 1e-4

_standing: WeakKeyDictionary[Town, Floats] = WeakKeyDictionary()


class Shield(Protocol):
    """Brakes in the policy's stead; `convoy.driving.shield.Shield` is one.

    Attributes:
        interventions: how often it began to since `reset`.
    """

    interventions: int

    def reset(self) -> None:
        """Forget what was seen."""

    def see(self, time_s: float, distance: float) -> None:
        """Take in how far the way ahead is free, see `look_ahead`."""

    def brakes(self, speed: float) -> bool:
        """Whether to brake, though this speed (m/s) is wanted."""


def look_ahead(world: World) -> float:
    """Metres from the front bumper to the nearest thing in the way; infinite with none within reach.

    The way is what the car sweeps if its wheels stay as they are, but for `NARROWER_M` on either side, and the range is
    measured along it. Seen are cars, people and the town's solid things, within `MAX_RANGE_M` and `FIELD_OF_VIEW`.
    What will only get into the way is not seen, nor what is round a bend that the wheels have not begun to follow;
    there is no noise, and nothing is seen in vain.
    """
    state, model = world.state, world.vehicle.model
    front, half = model.length - model.rear_overhang, model.width / 2 - NARROWER_M
    reach = front + MAX_RANGE_M
    standing = _obstacles(world.town)
    # They are in the order of x.
    first, last = np.searchsorted(standing[:, 0], (state.x - reach, state.x + reach))
    people = np.array([(person.x, person.y) for person in world.traffic.people]).reshape(-1, 2)
    cars = world.traffic.outlines()
    near = np.hypot(cars[:, 0] - state.x, cars[:, 1] - state.y) < reach + cars[:, 3]
    points = np.concatenate([standing[first:last], _sides(cars[near]), people])
    radii = np.zeros(len(points))
    radii[len(points) - len(people) :] = PERSON_RADIUS_M

    dx, dy = points[:, 0] - state.x, points[:, 1] - state.y
    c, s = math.cos(state.heading), math.sin(state.heading)
    x, y = dx * c + dy * s, dy * c - dx * s
    ahead = (x > front - 0.5) & (x < reach) & (np.abs(y) < MAX_RANGE_M)
    x, y, radii = x[ahead], y[ahead], radii[ahead]
    curvature = math.tan(state.steering_angle) / model.wheel_base
    if abs(curvature) < _STRAIGHT:
        along, aside = x, y
    else:
        radius = 1 / curvature
        sign = math.copysign(1.0, radius)
        along = abs(radius) * np.arctan2(x, sign * (radius - y))
        aside = radius - sign * np.hypot(x, radius - y)
    away = along - front - radii
    seen = (np.abs(aside) < half + radii) & (np.abs(np.arctan2(y, x - front + _BEHIND_BUMPER_M)) < FIELD_OF_VIEW / 2)
    nearest = float(away[seen].min(initial=math.inf))
    return max(nearest, 0.0) if nearest <= MAX_RANGE_M else math.inf


def _obstacles(town: Town) -> Floats:
    """(N, 2) points on the sides of all that stands in a town, by x."""
    if town not in _standing:
        points = _sides(town.obstacles)
        _standing[town] = points[np.argsort(points[:, 0])]
    return _standing[town]


def _sides(boxes: Floats) -> Floats:
    """(N, 2) points on the sides of (M, 5) rectangles (x, y, heading, length, width), near to each other."""
    if not len(boxes):
        return np.zeros((0, 2))
    found = []
    for x, y, heading, length, width in boxes.tolist():
        u, v = (np.linspace(-0.5, 0.5, max(2, math.ceil(size / _POINTS_M) + 1)) * size for size in (length, width))
        across, along = np.full(len(v), length / 2), np.full(len(u), width / 2)
        us, vs = np.concatenate([u, u, across, -across]), np.concatenate([along, -along, v, v])
        c, s = math.cos(heading), math.sin(heading)
        found.append(np.stack([x + us * c - vs * s, y + us * s + vs * c], axis=1))
    return np.concatenate(found)
