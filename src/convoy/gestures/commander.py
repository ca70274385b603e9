"""Turns gestures into commands, such that the vehicle moves only while somebody is there who wants it to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from convoy.gestures.command_map import Action, Change, CommandMap, Go, Stop
from convoy.graph import Component, ComponentParameters, Input, Level, Output, Timer
from convoy.inference import ModelCard
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    BodySkeleton,
    Gesture,
    HandSkeleton,
    Header,
    String,
    make,
    nanoseconds,
    time,
)

PERIOD_S = 0.05
POLICY_SILENT_AFTER_NS = 500_000_000
MAX_AGE_S = 1.0
"""A gesture older than this, or that far ahead of the clock, commands nothing but a stop."""


class GestureCommander(Component):
    """Sets a vehicle going by gestures, and stops it by them; what it commands goes to the `Supervisor`.

    Subscribes to ``gesture``, to ``hands`` or ``body`` for the dead-man rule, and to ``policy``, whatever steers;
    publishes ``command`` for the supervisor, and on ``action`` the names of commands for others.

    A motion command ends when its time is over, unless it is renewed. It ends, too, when no hand, or with `watch`
    'body' nobody's arms, was seen for `dead_man` seconds: nobody is there to stop it. Stop always wins: it counts from
    any hand, at any confidence and age, and for `stop_hold` seconds after it nothing sets the vehicle going.

    While it drives, the steering angle is the policy's, with the policy's header; without one for half a second it is
    zero. A clock that jumps back is taken for time that starts over, and stops the vehicle.
    """

    class Parameters(ComponentParameters):
        commands: Path = Field(description="YAML file: what each gesture commands")
        model: str = Field("", description="model whose gestures the file may name; empty does not check")
        min_confidence: float = Field(0.7, ge=0.0, le=1.0, description="of a gesture that sets the vehicle going")
        watch: Literal["hands", "body"] = Field("hands", description="what must be in view for the vehicle to move")
        dead_man: float = Field(2.0, ge=0.2, le=60.0, description="s without that in view until the vehicle stops")
        stop_hold: float = Field(1.0, ge=0.0, le=60.0, description="s after a stop in which nothing sets it going")

    gesture = Input("gesture", Gesture)
    hands = Input("hands", HandSkeleton, latest=True)
    body = Input("body", BodySkeleton, latest=True)
    policy = Input("policy", AckermannDriveStamped, latest=True)
    command = Output("command", AckermannDriveStamped)
    action = Output("action", String)
    tick = Timer(PERIOD_S)

    seen: int | None
    """When a hand, or a body, was last in view; as the next two, by the component's clock."""
    steered: int | None
    stopped: int | None

    def on_configure(self) -> None:
        path = self.parameters.model
        known = ModelCard.read(Path(path)).classes if path else ()
        self.commands = CommandMap.read(self.parameters.commands, known)

    def on_parameters(self, parameters: Any) -> None:
        self.commands = CommandMap.read(
            parameters.commands, ModelCard.read(Path(parameters.model)).classes if parameters.model else ()
        )

    def on_activate(self) -> None:
        self.clock = self.now()
        self._start_over()

    def on_deactivate(self) -> None:
        self._stop("deactivated")
        self._publish(make(Header, stamp=time(self.now())), 0.0)

    # What arrives.

    def on_hands(self, skeleton: Any) -> None:
        self._see("hands")

    def on_body(self, skeleton: Any) -> None:
        self._see("body")

    def on_policy(self, message: Any) -> None:
        self._watch_clock()
        self.steered = self.now()
        self._watch()
        angle = message.drive.steering_angle
        self._publish(message.header, angle if math.isfinite(angle) else 0.0)

    def on_gesture(self, gesture: Any) -> None:
        self._watch_clock()
        command = self.commands.gestures.get(gesture.label)
        if isinstance(command, Stop):
            self.stopped = self.now()
            self._stop(f"gesture {gesture.label}")
            self._publish(make(Header, stamp=time(self.now())), 0.0)
        elif command is not None and (why := self._refusal(gesture)):
            self.log.info(f"{gesture.label} ignored: {why}")
        elif isinstance(command, Action):
            self.action.publish(make(String, data=command.name))
        elif isinstance(command, Go):
            self.speed, self.ends = command.speed, self.now() + round(command.hold * NANOSECONDS)
            self._report(f"gesture {gesture.label}: {command.speed:.2f} m/s for {command.hold:.0f} s")
        elif isinstance(command, Change) and self.speed:
            self.speed *= command.factor
            self._report(f"gesture {gesture.label}: {self.speed:.2f} m/s")

    def on_tick(self) -> None:
        self._watch_clock()
        self._watch()
        if self.steered is None or self.now() - self.steered > POLICY_SILENT_AFTER_NS:
            self._publish(make(Header, stamp=time(self.now())), 0.0)

    # How it is decided.

    def _see(self, what: str) -> None:
        self._watch_clock()
        if what == self.parameters.watch:
            self.seen = self.now()

    def _refusal(self, gesture: Any) -> str:
        """Say why a gesture other than stop is not to be followed; nothing where it is."""
        age = (self.now() - nanoseconds(gesture.header.stamp)) / NANOSECONDS
        if not gesture.confidence >= self.parameters.min_confidence:
            return f"confidence {gesture.confidence:.2f}, below min_confidence"
        if abs(age) > MAX_AGE_S:
            return f"stamped {abs(age):.1f} s {'ago' if age > 0 else 'ahead of the clock'}"
        if self.stopped is not None and self.now() - self.stopped < self.parameters.stop_hold * NANOSECONDS:
            return "a stop was commanded just now"
        return ""

    def _watch(self) -> None:
        if not self.speed:
            return
        if self.now() >= self.ends:
            self._stop("the time of the command is over")
        elif self.seen is None or self.now() - self.seen > self.parameters.dead_man * NANOSECONDS:
            self._stop(
                f"no {'hand' if self.parameters.watch == 'hands' else 'person'} for {self.parameters.dead_man:.1f} s"
            )

    def _watch_clock(self) -> None:
        last, self.clock = self.clock, self.now()
        if self.clock < last:
            self._start_over()

    def _start_over(self) -> None:
        self.seen = self.steered = self.stopped = None
        self.ends = 0
        self._stop("waiting for a gesture")

    # What leaves.

    def _stop(self, why: str) -> None:
        self.speed = 0.0
        self._report(f"stopped: {why}")

    def _publish(self, header: Any, angle: float) -> None:
        drive = make(AckermannDrive, steering_angle=angle, speed=self.speed)
        self.command.publish(make(AckermannDriveStamped, header=header, drive=drive))

    def _report(self, message: str) -> None:
        self.report("Command", Level.OK, message, speed=f"{self.speed:.2f}")
