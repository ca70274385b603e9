"""Dead reckoning: where a car believes it is by its wheels and its yaw rate alone."""

from __future__ import annotations

import math

import numpy as np

from convoy_sim.curve import Floats


class DeadReckoning:
    """Sums up speed and yaw rate, as a car's odometry does; it drifts as that does, and never jumps (REP-105).

    Attributes:
        x, y, heading: in the frame ``odom``, which is where the car was at the start.
        speed, yaw_rate: as measured last.
    """

    def __init__(self, noise: float, rng: np.random.Generator) -> None:
        """`noise` is the deviation of each measurement, as a part of it."""
        self.x = self.y = self.heading = self.speed = self.yaw_rate = 0.0
        self._noise = noise
        self._rng = rng

    def move(self, speed: float, yaw_rate: float, seconds: float) -> None:
        """Go on for a while."""
        gains = 1.0 + self._noise * self._rng.standard_normal(2)
        self.speed, self.yaw_rate = speed * float(gains[0]), yaw_rate * float(gains[1])
        turn = self.yaw_rate * seconds
        along = self.heading + turn / 2
        self.x += self.speed * seconds * math.cos(along)
        self.y += self.speed * seconds * math.sin(along)
        self.heading = math.remainder(self.heading + turn, 2 * math.pi)

    def in_map(self, x: float, y: float, heading: float) -> Floats:
        """x, y and heading of the frame ``odom`` in the map, where the car is truly at a pose there."""
        turn = math.remainder(heading - self.heading, 2 * math.pi)
        c, s = math.cos(turn), math.sin(turn)
        return np.array([x - c * self.x + s * self.y, y - s * self.x - c * self.y, turn])
