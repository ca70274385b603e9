"""Drives a robot on two driven wheels."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

from convoy.devices.actuator import Actuator, open_pulses
from convoy.devices.channel import LONGEST_US, SHORTEST_US, Channel
from convoy.devices.driver import Driver
from convoy.devices.errors import DeviceError
from convoy.graph import Input
from convoy.interfaces.messages import message_class

Twist = message_class("geometry_msgs/msg/Twist")


class DiffDriveActuator(Actuator):
    """Turns ``cmd_vel`` (geometry_msgs/Twist) into the pulses of a left and a right motor controller.

    They are on a PCA9685, or on a microcontroller that speaks the line protocol of docs/actuators.md. What the wheels
    can't do is done slower, on the same curve. Neutral, both motors off, is put out at the start and the end, when no
    command has come for `stale_after` seconds, after a command that is not finite, and after trouble with the device.
    """

    class Parameters(Actuator.Parameters):
        device: Literal["pca9685", "serial"] = Field("pca9685", description="what moves the robot")
        wheel_separation: float = Field(0.3, gt=0.0, le=5.0, description="m between the left and the right wheel")
        full_speed: float = Field(1.0, gt=0.0, le=20.0, description="m/s of a wheel at full throttle")
        max_speed: float = Field(0.5, ge=0.0, le=20.0, description="m/s, either way, never more")
        max_turn: float = Field(2.0, ge=0.0, le=20.0, description="rad/s, either way, never more")
        left_centre: int = Field(1500, ge=SHORTEST_US, le=LONGEST_US, description="us, pulse of the motor off")
        left_travel: int = Field(400, ge=0, le=1000, description="us, from the centre to full throttle")
        left_dead_band: int = Field(0, ge=0, le=500, description="us, from the centre to where the motor starts")
        left_reversed: bool = Field(False, description="forwards is the shorter pulse; else the longer one")
        right_centre: int = Field(1500, ge=SHORTEST_US, le=LONGEST_US, description="us, pulse of the motor off")
        right_travel: int = Field(400, ge=0, le=1000, description="us, from the centre to full throttle")
        right_dead_band: int = Field(0, ge=0, le=500, description="us, from the centre to where the motor starts")
        right_reversed: bool = Field(False, description="forwards is the shorter pulse; else the longer one")

    LIVE: ClassVar[set[str]] = {*Actuator.LIVE, "max_speed", "max_turn"}

    cmd_vel = Input("cmd_vel", Twist, latest=True)

    def on_cmd_vel(self, twist: Any) -> None:
        p, speed, turn = self.parameters, twist.linear.x, twist.angular.z
        if not (math.isfinite(speed) and math.isfinite(turn)):
            self.rest()
            raise DeviceError(f"a command of {speed} m/s and {turn} rad/s can't be driven")
        speed = min(max(speed, -p.max_speed), p.max_speed)
        turn = min(max(turn, -p.max_turn), p.max_turn)
        left, right = (speed + side * turn * p.wheel_separation / 2 for side in (-1, 1))
        most = max(abs(left), abs(right), p.full_speed)
        self.move(left / most, right / most)

    def open_driver(self) -> Driver:
        p = self.parameters
        left = Channel(p.left_centre, p.left_travel, p.left_reversed, p.left_dead_band)
        right = Channel(p.right_centre, p.right_travel, p.right_reversed, p.right_dead_band)
        return open_pulses(p, (left, right))
