"""Drives a car: a steering servo and a motor."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from convoy.devices.actuator import Actuator, open_pulses
from convoy.devices.channel import LONGEST_US, SHORTEST_US, Channel
from convoy.devices.driver import Driver
from convoy.devices.serial_port import SerialPort
from convoy.devices.vesc import Vesc
from convoy.graph import Input
from convoy.interfaces.commands import fault
from convoy.interfaces.messages import AckermannDriveStamped, nanoseconds


class AckermannActuator(Actuator):
    """Turns ``drive`` (ackermann_msgs/AckermannDriveStamped) into pulses and motor speed, by one of three devices.

    - ``pca9685``: servo and motor controller (ESC) on a PCA9685.
    - ``vesc``: servo and motor on a VESC, which keeps the speed that it is told.
    - ``serial``: a microcontroller that speaks the line protocol of docs/actuators.md.

    Steering of `max_steering_angle` is the servo's full travel, and `full_speed` full throttle, or `max_erpm` of a
    VESC; an ESC knows no speed, only how far the throttle is open.

    At neutral the motor is off (a VESC brakes), the wheels stay as they are. Neutral is put out at the start and the
    end, when no command has come for `stale_after` seconds, after a command that is not finite, and after any trouble
    with the device. Commands that are stamped more than `max_latency` off the clock are dropped.
    """

    class Parameters(Actuator.Parameters):
        steering_centre: int = Field(1500, ge=SHORTEST_US, le=LONGEST_US, description="us, pulse of straight wheels")
        steering_travel: int = Field(400, ge=0, le=1000, description="us, from the centre to the full angle")
        steering_reversed: bool = Field(False, description="left is the shorter pulse; else the longer one")
        max_steering_angle: float = Field(0.4, gt=0.0, lt=1.5, description="rad, of the wheels at full travel")
        throttle_centre: int = Field(1500, ge=SHORTEST_US, le=LONGEST_US, description="us, pulse of no drive")
        throttle_travel: int = Field(400, ge=0, le=1000, description="us, from the centre to full throttle")
        throttle_dead_band: int = Field(0, ge=0, le=500, description="us, from the centre to where the motor starts")
        throttle_reversed: bool = Field(
            False, description="forwards is the shorter pulse, or a VESC's negative rpm; else the other way"
        )
        full_speed: float = Field(5.0, gt=0.0, le=40.0, description="m/s at full throttle, or at max_erpm")
        max_speed: float = Field(1.5, ge=0.0, le=40.0, description="m/s, forwards, never more")
        max_reverse_speed: float = Field(0.0, ge=0.0, le=10.0, description="m/s, backwards; 0 forbids reversing")
        max_erpm: float = Field(20000.0, gt=0.0, le=200_000.0, description="of a VESC: electrical rpm at full_speed")
        brake_current: float = Field(5.0, ge=0.0, le=100.0, description="A, of a VESC at neutral; 0 lets it roll")
        max_latency: float = Field(0.5, ge=0.0, le=10.0, description="s between stamp and clock; 0 does not check")

    LIVE: ClassVar[set[str]] = {*Actuator.LIVE, "max_speed", "max_reverse_speed", "max_latency"}

    drive = Input("drive", AckermannDriveStamped, latest=True)

    def on_drive(self, message: Any) -> None:
        p, wanted = self.parameters, message.drive
        why = fault(wanted, nanoseconds(message.header.stamp), self.now(), p.max_latency, "max_latency")
        if why:
            self.log.warning(f"command dropped: {why}")
            if not (math.isfinite(wanted.steering_angle) and math.isfinite(wanted.speed)):
                self.rest()
            return
        steering = min(max(wanted.steering_angle / p.max_steering_angle, -1.0), 1.0)
        speed = min(max(wanted.speed, -p.max_reverse_speed), p.max_speed)
        self.resting = (steering, 0.0)
        self.move(steering, min(max(speed / p.full_speed, -1.0), 1.0))

    def open_driver(self) -> Driver:
        p = self.parameters
        steering = Channel(p.steering_centre, p.steering_travel, p.steering_reversed)
        if p.device == "vesc":
            max_erpm = -p.max_erpm if p.throttle_reversed else p.max_erpm
            return Vesc(SerialPort(p.port, p.baud_rate), steering, max_erpm, p.brake_current)
        throttle = Channel(p.throttle_centre, p.throttle_travel, p.throttle_reversed, p.throttle_dead_band)
        return open_pulses(p, (steering, throttle))
