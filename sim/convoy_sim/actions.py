"""What an action of `convoy/Drive-v0` stands for: a command, as two numbers within -1 to 1 or as one of a few."""

from __future__ import annotations

from collections.abc import Sequence

from convoy_sim.features import SPEED_SCALE

FULL_ANGLE = 0.5
"""Steering angle, rad, of action 1."""
FULL_SPEED = SPEED_SCALE
"""Speed, m/s, of action 1; action -1 is to stand."""
DISCRETE_ANGLES = (-1.0, -0.5, -0.25, -0.1, -0.03, 0.0, 0.03, 0.1, 0.25, 0.5, 1.0)
DISCRETE_SPEEDS = (-1.0, -0.2, 0.2, 0.8)
"""What discrete actions stand for: action = angle's index x number of speeds + speed's index."""
STAND_BELOW_MPS = 0.2
"""An action for less than this is to stand."""


def discrete(action: int) -> tuple[float, float]:
    """Steering and speed, -1 to 1, that a discrete action stands for."""
    angle, speed = divmod(action, len(DISCRETE_SPEEDS))
    return DISCRETE_ANGLES[angle], DISCRETE_SPEEDS[speed]


def command(action: Sequence[float]) -> tuple[float, float]:
    """The steering angle (rad) and the speed (m/s) that an action, two numbers within -1 to 1, stands for."""
    speed = (action[1] + 1) / 2 * FULL_SPEED
    return action[0] * FULL_ANGLE, speed if speed > STAND_BELOW_MPS else 0.0


def action(steering_angle: float, speed: float) -> tuple[float, float]:
    """The action that stands for a command, as far as there is one."""
    steering, pace = steering_angle / FULL_ANGLE, speed / FULL_SPEED * 2 - 1
    return min(max(steering, -1.0), 1.0), min(max(pace, -1.0), 1.0)
