"""A gamepad, joystick or wheel in the operator's hands."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from convoy.devices.errors import DeviceError
from convoy.devices.gamepad import Gamepad, codes
from convoy.graph import Component, ComponentParameters, Level, Output, Timer
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    Empty,
    Header,
    String,
    make,
    time,
)

PERIOD_S = 0.02
RETRY_NS = NANOSECONDS // 2
HOLD_NS = 2 * NANOSECONDS
"""How long the button that releases the emergency stop is held: nobody does that by accident."""


class Joystick(Component):
    """Publishes what a gamepad, joystick or wheel says, as long as it is there.

    Publishes ``joystick/drive`` (ackermann_msgs/AckermannDriveStamped) 50 times a second, at rest too: silence means
    that it is gone. Stick left is a positive angle, stick up is forwards. Of an axis that rests at its end, such as a
    trigger, name a second one for backwards as `reverse_axis`.

    The button of the emergency stop publishes ``emergency_stop`` at once; that of the release, when it has been held
    for two seconds, ``release_emergency_stop``; those of the modes ``mode/request``. Names of axes and buttons are the
    kernel's (``evtest`` shows them); an empty one is not used.

    A device that is not there, or is pulled out, is an error on ``/diagnostics``, and looked for twice a second. A
    radio gamepad that is out of range looks like one whose stick is held as it was until its receiver gives it up:
    keep the emergency stop of the page, or one with a wire, at hand.
    """

    class Parameters(ComponentParameters):
        device: str = Field(
            "", description="such as /dev/input/by-id/...-event-joystick; empty takes the first gamepad"
        )
        steering_axis: str = Field("ABS_X", description="name of the axis")
        throttle_axis: str = Field("ABS_RY", description="name of the axis")
        reverse_axis: str = Field("", description="where throttle is a trigger: the one for backwards; empty for none")
        steering_reversed: bool = Field(False, description="turn the steering axis round")
        throttle_reversed: bool = Field(False, description="turn the throttle axis round")
        dead_band: float = Field(0.08, ge=0.0, le=0.5, description="of an axis, from its rest, that counts as rest")
        max_steering_angle: float = Field(0.4, gt=0.0, lt=1.5, description="rad, of the stick at its end")
        max_speed: float = Field(1.5, ge=0.0, le=40.0, description="m/s, of the stick at its upper end")
        max_reverse_speed: float = Field(0.5, ge=0.0, le=10.0, description="m/s, of the stick at its lower end")
        emergency_stop_button: str = Field("BTN_EAST", description="B of an Xbox pad, the circle of a PlayStation's")
        release_button: str = Field("BTN_NORTH", description="releases the emergency stop when held for two seconds")
        autonomous_button: str = Field("BTN_START", description="asks for autonomous mode")
        assisted_button: str = Field("", description="asks for assisted mode")
        manual_button: str = Field("BTN_SELECT", description="asks for manual mode")

    drive = Output("joystick/drive", AckermannDriveStamped)
    emergency_stop = Output("emergency_stop", Bool)
    release_emergency_stop = Output("release_emergency_stop", Empty)
    mode_request = Output("mode/request", String)
    tick = Timer(PERIOD_S)

    gamepad: Gamepad | None = None
    released = False
    """Whether the button that is held has released the emergency stop already."""

    def on_configure(self) -> None:
        p = self.parameters
        buttons = (p.emergency_stop_button, p.release_button, p.autonomous_button, p.assisted_button, p.manual_button)
        self.axes = codes((p.steering_axis, p.throttle_axis, p.reverse_axis))
        self.buttons = codes(buttons)

    def on_activate(self) -> None:
        self._open()

    def on_deactivate(self) -> None:
        self._close()

    def on_parameters(self, parameters: Any) -> None:
        raise DeviceError("A joystick's parameters are read when it is activated; configure it anew.")

    def on_tick(self) -> None:
        if self.gamepad is None:
            if not 0 <= self.now() - self.tried < RETRY_NS:
                self._open()
            return
        try:
            pressed = self.gamepad.read()
        except DeviceError as error:
            self._close()
            self._report_loss(error)
            return
        for button in pressed:
            self._press(button)
        self._watch_release(self.gamepad.held)
        self._publish(self.gamepad)

    def _open(self) -> None:
        self.tried = self.now()
        self.release_since: int | None = None
        try:
            self.gamepad = Gamepad(self.parameters.device, self.axes, self.buttons)
        except DeviceError as error:
            self._report_loss(error)
        else:
            self.log.info(f"{self.gamepad.name}: found")
            self.report("Device", Level.OK, self.gamepad.name)

    def _close(self) -> None:
        gamepad, self.gamepad = self.gamepad, None
        if gamepad is not None:
            gamepad.close()

    def _report_loss(self, error: DeviceError) -> None:
        self.log.error(f"{error}; trying again")
        self.report("Device", Level.ERROR, str(error))

    def _press(self, button: str) -> None:
        p = self.parameters
        if button == p.emergency_stop_button:
            self.emergency_stop.publish(make(Bool, data=True))
        modes = {p.autonomous_button: "autonomous", p.assisted_button: "assisted", p.manual_button: "manual"}
        if mode := modes.get(button):
            self.mode_request.publish(make(String, data=mode))

    def _watch_release(self, held: set[str]) -> None:
        if self.parameters.release_button not in held:
            self.release_since = None
            self.released = False
        elif self.release_since is None:
            self.release_since = self.now()
        elif not self.released and self.now() - self.release_since >= HOLD_NS:
            self.released = True
            self.release_emergency_stop.publish(make(Empty))

    def _publish(self, gamepad: Gamepad) -> None:
        p = self.parameters
        steering = -self._alive(gamepad.axis(p.steering_axis))
        if p.reverse_axis:
            throttle = self._alive((gamepad.axis(p.throttle_axis) + 1) / 2)
            throttle -= self._alive((gamepad.axis(p.reverse_axis) + 1) / 2)
        else:
            throttle = -self._alive(gamepad.axis(p.throttle_axis))
        steering, throttle = (
            -value if reversed_ else value
            for value, reversed_ in ((steering, p.steering_reversed), (throttle, p.throttle_reversed))
        )
        speed = throttle * (p.max_speed if throttle > 0 else p.max_reverse_speed)
        drive = make(AckermannDrive, steering_angle=steering * p.max_steering_angle + 0.0, speed=speed + 0.0)
        self.drive.publish(make(AckermannDriveStamped, header=make(Header, stamp=time(self.now())), drive=drive))

    def _alive(self, value: float) -> float:
        """Take out the dead band, so that what is beyond it begins at zero."""
        dead = self.parameters.dead_band
        return max(abs(value) - dead, 0.0) / (1.0 - dead) * (1.0 if value > 0 else -1.0)
