"""The car: a dynamic bicycle with tyres that slip, and actuators that lag and have limits.

Single-track model (Rajamani, "Vehicle Dynamics and Control", ch. 2); the tyres' side force saturates at the friction of
the road. Below walking pace, where slip angles are undefined, the kinematic bicycle holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

GRAVITY = 9.81
STEP_S = 0.01
"""Longest step of the integration; tyre forces at speed need it."""
KINEMATIC_BELOW_MPS = 2.0
DYNAMIC_ABOVE_MPS = 4.0
HOLD_BELOW_MPS = 0.1
"""Told to stand, a car slower than this stands."""
_PULL_RAD = 0.01


@dataclass(frozen=True)
class VehicleModel:
    """What a car is like; lengths in m, angles in rad, SI throughout."""

    length: float = 4.2
    width: float = 1.8
    wheel_base: float = 2.6
    rear_overhang: float = 0.8
    """From the rear axle to the bumper; a pose is that of the rear axle's middle, as REP-103's base_link of a car."""
    mass: float = 1300.0
    yaw_inertia: float = 1900.0
    front_share: float = 0.53
    """Of the weight, carried by the front axle."""
    cornering_stiffness: float = 10.0
    """Side force per axle load and rad of slip."""
    friction: float = 0.95
    max_steering_angle: float = 0.6
    max_steering_rate: float = 1.0
    steering_lag_s: float = 0.10
    max_acceleration: float = 3.0
    max_deceleration: float = 8.0
    throttle_lag_s: float = 0.20
    speed_gain: float = 1.8
    """Acceleration wanted per m/s of missing speed."""
    drag: float = 0.00035
    """Deceleration per (m/s)^2, from air."""
    rolling: float = 0.12
    """Deceleration from rolling, m/s^2."""


@dataclass
class VehicleState:
    """Where a car is and how it moves.

    Attributes:
        x, y, heading: pose of the rear axle's middle in the map, m and rad.
        speed: forwards, m/s. slip_speed: of the centre of mass to the left, m/s. yaw_rate: rad/s.
        steering_angle: of the virtual front wheel, left positive, rad. acceleration: of the drive train, m/s^2.
    """

    x: float = 0.0
    y: float = 0.0
    heading: float = 0.0
    speed: float = 0.0
    slip_speed: float = 0.0
    yaw_rate: float = 0.0
    steering_angle: float = 0.0
    acceleration: float = 0.0


class Vehicle:
    """A car that follows commands of steering angle and speed, as far as its tyres and actuators let it."""

    def __init__(self, model: VehicleModel | None = None, state: VehicleState | None = None) -> None:
        self.model = model or VehicleModel()
        self.state = state or VehicleState()

    def place(self, x: float, y: float, heading: float, speed: float = 0.0) -> None:
        """Put the car somewhere, wheels straight and without slip."""
        self.state = VehicleState(x, y, heading, speed)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the car's outline."""
        m, s = self.model, self.state
        ahead = m.length / 2 - m.rear_overhang
        return s.x + ahead * math.cos(s.heading), s.y + ahead * math.sin(s.heading)

    def step(self, steering_angle: float, speed: float, seconds: float, grip: float = 1.0) -> None:
        """Move on under a command; `grip` scales the road's friction (1 dry, about 0.6 wet).

        Neither command need be within the car's limits.
        """
        steps = max(1, math.ceil(seconds / STEP_S - 1e-9))
        for _ in range(steps):
            self._step(steering_angle, speed, seconds / steps, grip)

    def _step(self, steering_angle: float, speed: float, dt: float, grip: float) -> None:
        m, s = self.model, self.state
        self._actuate(steering_angle, speed, dt)
        rear = m.wheel_base * m.front_share
        front = m.wheel_base - rear
        sine, cosine = math.sin(s.heading), math.cos(s.heading)

        # The drive train and the brakes use up friction that the tyres then lack sideways.
        limit = m.friction * grip * GRAVITY
        push = min(max(s.acceleration, -limit), limit)
        side = math.sqrt(max(limit**2 - push**2, (0.3 * limit) ** 2)) / GRAVITY
        resistance = m.rolling * (1 if s.speed > 0.05 else -1 if s.speed < -0.05 else 0) + m.drag * s.speed * abs(
            s.speed
        )

        kinematic_yaw = s.speed * math.tan(s.steering_angle) / m.wheel_base
        share = min(max((abs(s.speed) - KINEMATIC_BELOW_MPS) / (DYNAMIC_ABOVE_MPS - KINEMATIC_BELOW_MPS), 0.0), 1.0)
        if share > 0.0:
            weight_front, weight_rear = m.mass * GRAVITY * m.front_share, m.mass * GRAVITY * (1 - m.front_share)
            slip_front = s.steering_angle - math.atan2(s.slip_speed + front * s.yaw_rate, s.speed)
            slip_rear = -math.atan2(s.slip_speed - rear * s.yaw_rate, s.speed)
            force_front = weight_front * side * math.tanh(m.cornering_stiffness * slip_front / side)
            force_rear = weight_rear * side * math.tanh(m.cornering_stiffness * slip_rear / side)
            across = force_front * math.cos(s.steering_angle)
            slip_rate = (across + force_rear) / m.mass - s.speed * s.yaw_rate
            yaw_acceleration = (front * across - rear * force_rear) / m.yaw_inertia
            speed_rate = (
                push - resistance - force_front * math.sin(s.steering_angle) / m.mass + s.slip_speed * s.yaw_rate
            )
            slip_speed = s.slip_speed + slip_rate * dt
            yaw_rate = s.yaw_rate + yaw_acceleration * dt
        else:
            speed_rate, slip_speed, yaw_rate = push - resistance, 0.0, 0.0
        s.slip_speed = share * slip_speed + (1 - share) * kinematic_yaw * rear
        s.yaw_rate = share * yaw_rate + (1 - share) * kinematic_yaw
        s.speed += speed_rate * dt
        if speed == 0.0 and abs(s.speed) < HOLD_BELOW_MPS:
            s.speed = s.slip_speed = s.yaw_rate = s.acceleration = 0.0

        # The rear axle moves sideways by what the centre of mass does, less the turn.
        rear_slip = s.slip_speed - s.yaw_rate * rear
        s.x += (s.speed * cosine - rear_slip * sine) * dt
        s.y += (s.speed * sine + rear_slip * cosine) * dt
        s.heading = math.remainder(s.heading + s.yaw_rate * dt, 2 * math.pi)

    def _actuate(self, steering_angle: float, speed: float, dt: float) -> None:
        m, s = self.model, self.state
        angle = min(max(steering_angle, -m.max_steering_angle), m.max_steering_angle)
        turn = (angle - s.steering_angle) * min(dt / m.steering_lag_s, 1.0)
        s.steering_angle += min(max(turn, -m.max_steering_rate * dt), m.max_steering_rate * dt)
        wanted = (speed - s.speed) * m.speed_gain
        if speed != 0.0:
            wanted += m.rolling + m.drag * s.speed * abs(s.speed)
        wanted = min(max(wanted, -m.max_deceleration), m.max_acceleration)
        s.acceleration += (wanted - s.acceleration) * min(dt / m.throttle_lag_s, 1.0)


def another_vehicle(model: VehicleModel, rng: np.random.Generator) -> tuple[VehicleModel, float]:
    """Draw another vehicle of the kind, and the angle (rad) by which its steering is off."""
    mass = float(rng.uniform(0.8, 1.25))
    return replace(
        model,
        mass=model.mass * mass,
        yaw_inertia=model.yaw_inertia * mass * float(rng.uniform(0.9, 1.1)),
        cornering_stiffness=model.cornering_stiffness * float(rng.uniform(0.75, 1.25)),
        friction=model.friction * float(rng.uniform(0.85, 1.05)),
        steering_lag_s=model.steering_lag_s * float(rng.uniform(0.6, 1.6)),
        throttle_lag_s=model.throttle_lag_s * float(rng.uniform(0.6, 1.6)),
        speed_gain=model.speed_gain * float(rng.uniform(0.8, 1.2)),
    ), float(rng.normal(0.0, _PULL_RAD))
