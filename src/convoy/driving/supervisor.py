"""Stands between whatever commands a vehicle and the vehicle, and lets only safe commands through."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from convoy.graph import Component, ComponentParameters, ImageHeaderInput, Input, Level, Output, Timer
from convoy.interfaces.messages import (
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    Empty,
    Header,
    make,
    nanoseconds,
    time,
)

WATCH_PERIOD_S = 0.05


class Supervisor(Component):
    """Checks every command before it reaches the vehicle, and stops the vehicle when there is none to trust.

    Subscribes to ``command``; publishes ``drive``. A command is limited to the vehicle's angle and speed, and to their
    rates of change by the stamps; one that is not finite, or whose stamp is not newer than the last, is dropped. When
    no new command, or no new image on ``image``, has come for ``stale_after`` seconds, the vehicle is stopped: speed
    zero, at once, with the wheels as they are, and repeated until commands come again.

    ``emergency_stop`` (std_msgs/Bool, true) stops the vehicle at once and for good: false does not undo it, only a
    message on ``release_emergency_stop`` (std_msgs/Empty) does. It outlives deactivation.

    A stamp that jumps back by more than ``stale_after`` is taken as time that starts over, such as a bag played in a
    loop: the vehicle is stopped, and the next command starts from standstill.
    """

    class Parameters(ComponentParameters):
        max_steering_angle: float = Field(0.45, gt=0.0, lt=1.5, description="rad, to either side")
        max_steering_rate: float = Field(4.0, gt=0.0, description="rad/s")
        max_speed: float = Field(3.0, ge=0.0, le=40.0, description="m/s, forwards")
        max_reverse_speed: float = Field(0.0, ge=0.0, le=10.0, description="m/s, backwards; 0 forbids reversing")
        max_acceleration: float = Field(4.0, gt=0.0, description="m/s^2, speeding up")
        max_deceleration: float = Field(8.0, gt=0.0, description="m/s^2, slowing down on command; stops are immediate")
        stale_after: float = Field(0.5, ge=2 * WATCH_PERIOD_S, le=10.0, description="s without news until the stop")
        max_latency: float = Field(
            0.5, ge=0.0, description="s between a command's stamp and now, above which it is stale; 0 does not check"
        )
        require_images: bool = Field(True, description="stop when images stop coming, whoever sends commands")

    command = Input("command", AckermannDriveStamped)
    image = ImageHeaderInput("image")
    emergency_stop = Input("emergency_stop", Bool)
    release_emergency_stop = Input("release_emergency_stop", Empty)
    drive = Output("drive", AckermannDriveStamped)
    watch = Timer(WATCH_PERIOD_S)

    latched = False

    def on_activate(self) -> None:
        self.angle = 0.0
        self.speed = 0.0
        self.stamp: int | None = None
        self.image_stamp: int | None = None
        self.command_at: int | None = None
        self.image_at: int | None = None
        self.dropped = 0
        self.limited = 0
        self._report_latch()
        self.report("Command", Level.STALE, "no command yet")

    # What arrives.

    def on_image(self, header: Header) -> None:
        stamp = nanoseconds(header.stamp)
        if self.image_stamp is None or stamp > self.image_stamp or self._starts_over(stamp, self.image_stamp):
            self.image_stamp, self.image_at = stamp, self.now()

    def on_emergency_stop(self, message: Bool) -> None:
        if message.data:
            self.latched = True
            self._report_latch()
            self._stop()

    def on_release_emergency_stop(self, _: Empty) -> None:
        self.latched = False
        self._report_latch()

    def on_command(self, command: Any) -> None:
        stamp = nanoseconds(command.header.stamp)
        wanted = command.drive
        if not (math.isfinite(wanted.steering_angle) and math.isfinite(wanted.speed)):
            self._drop(f"angle {wanted.steering_angle} rad, speed {wanted.speed} m/s: not finite")
        elif self.parameters.max_latency and self.now() - stamp > self.parameters.max_latency * 1e9:
            self._drop(f"stamped {(self.now() - stamp) / 1e9:.2f} s ago, more than max_latency")
        elif self.stamp is not None and self._starts_over(stamp, self.stamp):
            self.log.warning(f"time jumped back by {(self.stamp - stamp) / 1e9:.2f} s: stopped, starting over")
            self.stamp, self.command_at, self.speed = stamp, self.now(), 0.0
            self._stop()
        elif self.stamp is not None and stamp <= self.stamp:
            self._drop("its stamp is not newer than the last command's")
        elif self.latched or (stale := self._stale_input(ignore_command=True)):
            self._take(stamp)
            if not self.latched:
                self.report("Command", Level.ERROR, f"stopped: {stale}")
            self._stop()
        else:
            self._limit(wanted, (stamp - self.stamp) / 1e9 if self.stamp is not None else 0.0)
            self._take(stamp)
            self.report("Command", Level.OK, "driving", dropped=self.dropped, limited=self.limited)
            self._publish(command.header)

    def on_watch(self) -> None:
        if self.latched:
            self._stop()
        elif stale := self._stale_input():
            self.report("Command", Level.ERROR, f"stopped: {stale}", dropped=self.dropped, limited=self.limited)
            if self.speed:
                self.log.warning(f"stopped: {stale}")
            self._stop()

    # How it is decided.

    def _starts_over(self, stamp: int, last: int) -> bool:
        return last - stamp > self.parameters.stale_after * 1e9

    def _stale_input(self, *, ignore_command: bool = False) -> str:
        """Name the input from which nothing new has come, as seen before the next look; empty if all is well."""
        patience_ns = (self.parameters.stale_after - WATCH_PERIOD_S) * 1e9
        inputs = {"command": None if ignore_command else self.command_at, "image": self.image_at}
        watched = [] if ignore_command else ["command"]
        watched += ["image"] if self.parameters.require_images else []
        for name in watched:
            heard = inputs[name]
            if heard is None:
                return f"no {name} yet"
            if self.now() - heard >= patience_ns:
                return f"no new {name} for {(self.now() - heard) / 1e9:.2f} s"
        return ""

    def _limit(self, wanted: Any, seconds: float) -> None:
        p = self.parameters
        angle = _clamp(wanted.steering_angle, -p.max_steering_angle, p.max_steering_angle)
        speed = _clamp(wanted.speed, -p.max_reverse_speed, p.max_speed)
        turn = p.max_steering_rate * seconds
        if self.stamp is not None:
            angle = _clamp(angle, self.angle - turn, self.angle + turn)
        faster, slower = p.max_acceleration * seconds, p.max_deceleration * seconds
        if self.speed >= 0:
            speed = _clamp(speed, self.speed - slower, self.speed + faster)
        else:
            speed = _clamp(speed, self.speed - faster, self.speed + slower)
        self.limited += (angle, speed) != (wanted.steering_angle, wanted.speed)
        self.angle, self.speed = angle, speed

    def _take(self, stamp: int) -> None:
        self.stamp, self.command_at = stamp, self.now()

    def _drop(self, why: str) -> None:
        self.dropped += 1
        self.log.warning(f"command dropped: {why}")
        self.report("Command", Level.WARN, f"dropped: {why}", dropped=self.dropped, limited=self.limited)

    def _stop(self) -> None:
        self.speed = 0.0
        self._publish(make(Header, stamp=time(self.now())))

    def _publish(self, header: Any) -> None:
        drive = make(AckermannDrive, steering_angle=self.angle, speed=self.speed)
        self.drive.publish(make(AckermannDriveStamped, header=header, drive=drive))

    def _report_latch(self) -> None:
        if self.latched:
            self.log.error("emergency stop; release it on release_emergency_stop")
            self.report("Emergency stop", Level.ERROR, "engaged; release it on release_emergency_stop")
        else:
            self.report("Emergency stop", Level.OK, "not engaged")


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
