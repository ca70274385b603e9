"""Stands between whatever commands a vehicle and the vehicle, and lets only safe commands through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from convoy.driving.shield import Shield
from convoy.graph import SENSOR_DATA, Component, ComponentParameters, ImageHeaderInput, Input, Level, Output, Timer
from convoy.interfaces.commands import fault
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    Empty,
    Header,
    Range,
    make,
    nanoseconds,
    time,
)

WATCH_PERIOD_S = 0.05
STATUS, BRAKED = "Command", "braked"
"""Where on /diagnostics stands how often the vehicle was braked for what is ahead."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """The newest message of an input: its stamp, and when it came."""

    stamp: int
    at: int


class Supervisor(Component):
    """Checks every command before it reaches the vehicle, and stops the vehicle when there is none to trust.

    Subscribes to ``command``; publishes ``drive``, of which angle and speed are set. A command is limited to the
    vehicle's angle and speed, and by the stamps to their rates of change; the first after a stop finds the vehicle at
    standstill, its wheels as they are. One that is not finite, or whose stamp is not newer than the last or not near
    the clock, is dropped. When no new command, or no new image on ``image``, has come for ``stale_after`` seconds, the
    vehicle is stopped: speed zero, at once, with the wheels as they are, and repeated until commands come again.

    ``range`` (sensor_msgs/Range) says how far the way ahead is free, if the vehicle has a sensor that knows. With
    ``min_time_to_collision``, the vehicle is braked, speed zero, while the time to a collision is shorter than braking
    with ``braking_deceleration`` takes and so much more; steering goes on. It is looked at with each command.

    ``stop`` (std_msgs/Empty) stops the vehicle at once, however slowly commands may slow it down, until the next
    command: the `DriveMode` says so when the person who drives is lost.

    ``emergency_stop`` (std_msgs/Bool, true) stops the vehicle at once and for good: false does not undo it, only a
    message on ``release_emergency_stop`` (std_msgs/Empty) does. It outlives deactivation, which is a stop by itself.

    A clock that jumps back, or a command's stamp that does by more than ``stale_after``, is taken as time that starts
    over, such as a bag played in a loop: the vehicle is stopped, and waits for new images and commands.
    """

    class Parameters(ComponentParameters):
        max_steering_angle: float = Field(0.45, gt=0.0, lt=1.5, description="rad, to either side")
        max_steering_rate: float = Field(4.0, gt=0.0, description="rad/s")
        max_speed: float = Field(3.0, ge=0.0, le=40.0, description="m/s, forwards")
        max_reverse_speed: float = Field(0.0, ge=0.0, le=10.0, description="m/s, backwards; 0 forbids reversing")
        max_acceleration: float = Field(4.0, gt=0.0, description="m/s^2, speeding up, either way")
        max_deceleration: float = Field(8.0, gt=0.0, description="m/s^2, slowing down on command; stops are immediate")
        stale_after: float = Field(0.5, ge=2 * WATCH_PERIOD_S, le=10.0, description="s without news until the stop")
        max_latency: float = Field(
            0.5, ge=0.0, description="s between a command's stamp and the clock, either way; 0 does not check"
        )
        require_images: bool = Field(True, description="stop when images stop coming, whoever sends commands")
        min_time_to_collision: float = Field(
            0.0,
            ge=0.0,
            le=5.0,
            description="s, beside what braking takes, below which to brake; 0 pays no heed to ranges",
        )
        braking_deceleration: float = Field(6.0, gt=0.0, le=20.0, description="m/s^2, that the brakes are good for")
        require_range: bool = Field(False, description="stop when ranges stop coming")

    command = Input("command", AckermannDriveStamped)
    image = ImageHeaderInput("image")
    range = Input("range", Range, qos=SENSOR_DATA, latest=True)
    stop = Input("stop", Empty)
    emergency_stop = Input("emergency_stop", Bool)
    release_emergency_stop = Input("release_emergency_stop", Empty)
    drive = Output("drive", AckermannDriveStamped)
    watch = Timer(WATCH_PERIOD_S)

    # The button stays pressed and the wheels stay turned while the supervisor does not run.
    latched = False
    angle = 0.0
    last_command: _Heard | None
    last_image: _Heard | None
    last_range: _Heard | None
    driven: int | None
    """Stamp of the command that is being driven; none at standstill."""

    def on_activate(self) -> None:
        self.dropped = 0
        self.limited = 0
        self.shield = Shield(self.parameters.min_time_to_collision, self.parameters.braking_deceleration)
        self.clock = self.now()
        self._start_over("activation")
        self._report_latch()

    def on_deactivate(self) -> None:
        self._stop("deactivated", Level.OK)

    # What arrives.

    def on_image(self, header: Header) -> None:
        self._watch_clock()
        stamp, last = nanoseconds(header.stamp), self.last_image
        if last is None or stamp > last.stamp or self._is_jump_back(stamp, last):
            self.last_image = _Heard(stamp, self.now())

    def on_range(self, message: Any) -> None:
        self._watch_clock()
        distance, stamp = message.range, nanoseconds(message.header.stamp)
        if distance == -math.inf:  # REP-117: something is too near to measure
            distance = 0.0
        elif not (distance == math.inf or message.min_range <= distance <= message.max_range):
            self.log.warning(
                f"range dropped: {distance} m, of a sensor for {message.min_range} to {message.max_range} m"
            )
            return
        self.last_range = _Heard(stamp, self.now())
        self.shield.see(stamp / NANOSECONDS, distance)

    def on_stop(self, _: Empty) -> None:
        self._stop("who commands asked for it")

    def on_emergency_stop(self, message: Bool) -> None:
        if message.data:
            self.latched = True
            self._report_latch()
            self._stop("emergency stop")

    def on_release_emergency_stop(self, _: Empty) -> None:
        self.latched = False
        self._report_latch()

    def on_command(self, command: Any) -> None:
        self._watch_clock()
        stamp, last = nanoseconds(command.header.stamp), self.last_command
        if why := fault(command.drive, stamp, self.now(), self.parameters.max_latency, "max_latency"):
            self._drop(why)
        elif last is not None and stamp <= last.stamp and not self._is_jump_back(stamp, last):
            self._drop("its stamp is not newer than the last command's")
        else:
            if last is not None and stamp < last.stamp:
                self._jump("stamps", last.stamp - stamp)
            self.last_command = _Heard(stamp, self.now())
            if reason := self._reason_to_stop():
                self._stop(reason)
            else:
                self._drive(command, stamp)

    def on_watch(self) -> None:
        self._watch_clock()
        if reason := self._reason_to_stop():
            self._stop(reason)

    # How it is decided.

    def _reason_to_stop(self) -> str:
        """Name what forbids to drive; of an input that is silent, what the next look would come too late for."""
        if self.latched:
            return "emergency stop"
        patience_ns = (self.parameters.stale_after - WATCH_PERIOD_S) * NANOSECONDS
        inputs = {"command": self.last_command}
        inputs |= {"image": self.last_image} if self.parameters.require_images else {}
        inputs |= {"range": self.last_range} if self.parameters.require_range else {}
        for name, last in inputs.items():
            if last is None:
                return f"no {name} since {self.since}"
            if self.now() - last.at >= patience_ns:
                return f"no new {name} for {(self.now() - last.at) / NANOSECONDS:.2f} s"
        return ""

    def _is_jump_back(self, stamp: int, last: _Heard) -> bool:
        return last.stamp - stamp > self.parameters.stale_after * NANOSECONDS

    def _watch_clock(self) -> None:
        last, self.clock = self.clock, self.now()
        if self.clock < last:
            self._jump("the clock", last - self.clock)

    def _jump(self, what: str, back_ns: int) -> None:
        self._start_over(f"{what} jumped back by {back_ns / NANOSECONDS:.2f} s")
        self.log.warning(self.since)

    def _start_over(self, since: str) -> None:
        self.since = since
        self.last_command = self.last_image = self.last_range = self.driven = None
        self.shield.forget()
        self.speed = 0.0

    # What leaves.

    def _drive(self, command: Any, stamp: int) -> None:
        p, wanted = self.parameters, command.drive
        # A leap of the stamps allows no leap of the vehicle.
        seconds = min((stamp - self.driven) / NANOSECONDS, p.stale_after) if self.driven is not None else 0.0
        turn, faster, slower = (
            rate * seconds for rate in (p.max_steering_rate, p.max_acceleration, p.max_deceleration)
        )
        angle = _clamp(wanted.steering_angle, self.angle - turn, self.angle + turn)
        # Reversing starts from standstill: braking never goes past it.
        slowest = max(self.speed - slower, 0.0) if self.speed > 0 else self.speed - faster
        fastest = min(self.speed + slower, 0.0) if self.speed < 0 else self.speed + faster
        speed = _clamp(wanted.speed, slowest, fastest)
        self.angle = _clamp(angle, -p.max_steering_angle, p.max_steering_angle)
        self.speed = _clamp(speed, -p.max_reverse_speed, p.max_speed)
        self.limited += (self.angle, self.speed) != (wanted.steering_angle, wanted.speed)
        self.driven = stamp
        if self._is_too_near(self.speed):
            self.speed = 0.0
            self._report(Level.WARN, "braking for what is ahead")
        else:
            self._report(Level.OK, "driving")
        self._publish(command.header)

    def _is_too_near(self, speed: float) -> bool:
        """Whether to brake for what is ahead; what was seen long ago counts for nothing."""
        p = self.parameters
        if not p.min_time_to_collision:
            return False
        self.shield.min_time, self.shield.deceleration = p.min_time_to_collision, p.braking_deceleration
        if self.last_range is not None and self.now() - self.last_range.at >= p.stale_after * NANOSECONDS:
            self.last_range = None
            self.shield.forget()
        return self.shield.brakes(speed)

    def _drop(self, why: str) -> None:
        self.dropped += 1
        self.log.warning(f"command dropped: {why}")
        self._report(Level.WARN, f"dropped: {why}")

    def _stop(self, reason: str, level: Level = Level.ERROR) -> None:
        if self.speed and level is Level.ERROR:
            self.log.warning(f"stopped: {reason}")
        self.speed, self.driven = 0.0, None
        self._report(level, f"stopped: {reason}")
        self._publish(make(Header, stamp=time(self.now())))

    def _publish(self, header: Any) -> None:
        drive = make(AckermannDrive, steering_angle=self.angle, speed=self.speed)
        self.drive.publish(make(AckermannDriveStamped, header=header, drive=drive))

    def _report(self, level: Level, message: str) -> None:
        counts = {"dropped": self.dropped, "limited": self.limited, BRAKED: self.shield.interventions}
        self.report(STATUS, level, message, **counts)

    def _report_latch(self) -> None:
        if self.latched:
            self.log.error("emergency stop; release it on release_emergency_stop")
            self.report("Emergency stop", Level.ERROR, "engaged; release it on release_emergency_stop")
        else:
            self.report("Emergency stop", Level.OK, "not engaged")


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high) + 0.0  # a speed of -0.0 reads like a fault
