"""Decides who drives, a person or the policy: the one place before the supervisor where commands come together."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from convoy.driving.controls import Controls
from convoy.errors import ConvoyError
from convoy.graph import LATCHED, Component, ComponentParameters, Input, Level, Output, Timer
from convoy.interfaces.commands import fault
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    Empty,
    Header,
    String,
    make,
    nanoseconds,
    time,
)

WATCH_PERIOD_S = 0.05

Mode = Literal["stopped", "manual", "assisted", "autonomous"]


class DriveModeError(ConvoyError):
    """A mode was asked for that there is not, or that is not to be had now."""


class DriveMode(Component):
    """Passes on the commands of whoever is to drive, and lets a person take over at any time.

    Subscribes to the commands of the policy on ``policy/drive``, of a person on ``joystick/drive`` and
    ``console/drive``, and to ``mode/request`` (std_msgs/String); publishes ``command`` and ``stop`` for the
    `Supervisor`, and the mode on ``mode`` (std_msgs/String, latched).

    - ``autonomous``: the policy's commands, as they are.
    - ``assisted``: the policy's commands at the speed of the person.
    - ``manual``: the commands of the person, of stick or page, whichever had input last.
    - ``stopped``: speed zero, until another mode is asked for.

    Input takes over at once: in autonomous mode on steering or throttle, in assisted mode on the steering, the mode
    becomes manual. `Controls` says what counts as input. In manual and assisted mode a person has to be there: stick
    and page repeat their commands, at rest too, at 10 Hz or more, and the page's operator gives signs of life
    on ``operator/heartbeat`` (std_msgs/Header, its stamp counts). Silence of `link_timeout` seconds stops the vehicle,
    with the wheels as they are, until there is new input: whoever held the throttle has to let go first. That stop
    is said on ``stop`` (std_msgs/Empty) too, for it must not be ramped; nor must the stop of a deactivation.

    Commands that are not finite, not newer than the last, or stamped too long ago or ahead of the clock are dropped:
    of a person by `link_timeout`, of the policy by `max_latency`.

    ``emergency_stop`` (std_msgs/Bool, true) makes the mode stopped; another is to be had only after
    ``release_emergency_stop`` (std_msgs/Empty). A clock that jumps back is taken as time that starts over: the mode
    stays, a person's vehicle waits for input.
    """

    class Parameters(ComponentParameters):
        mode: Mode = Field("stopped", description="in which to start")
        link_timeout: float = Field(
            0.25, ge=2 * WATCH_PERIOD_S, le=2.0, description="s without the person who drives until the stop"
        )
        max_latency: float = Field(0.5, gt=0.0, le=10.0, description="s between the policy's stamp and the clock")
        steering_dead_band: float = Field(0.03, ge=0.0, lt=1.5, description="rad, within which steering is no input")
        speed_dead_band: float = Field(0.1, ge=0.0, le=10.0, description="m/s, within which throttle is no input")

    policy = Input("policy/drive", AckermannDriveStamped)
    joystick = Input("joystick/drive", AckermannDriveStamped)
    console = Input("console/drive", AckermannDriveStamped)
    heartbeat = Input("operator/heartbeat", Header)
    mode_request = Input("mode/request", String)
    emergency_stop = Input("emergency_stop", Bool)
    release_emergency_stop = Input("release_emergency_stop", Empty)
    command = Output("command", AckermannDriveStamped)
    stop = Output("stop", Empty)
    mode = Output("mode", String, qos=LATCHED)
    watch = Timer(WATCH_PERIOD_S)

    current: Mode
    driver: Controls | None
    """Of a person: what drives, or in assisted mode has the throttle; none while the vehicle waits for one."""
    lost: str
    """How the driver was lost; empty where there was none, or is one."""

    policy_stamp: int | None
    alive: int | None
    """When the page's operator last gave a sign of life, in ns of the clock."""

    # The button stays pressed and the wheels stay turned while the component does not run.
    engaged = False
    angle = 0.0

    def on_activate(self) -> None:
        self.dropped = 0
        self.clock = self.now()
        self._start_over()
        self._switch("stopped" if self.engaged else self.parameters.mode, "activated")

    def on_deactivate(self) -> None:
        self._stop_at_once()

    # What arrives.

    def on_policy(self, message: Any) -> None:
        self._watch_clock()
        if self._is_dropped("policy", message, self.policy_stamp, "max_latency"):
            return
        self.policy_stamp = nanoseconds(message.header.stamp)
        if self.current == "autonomous":
            self._publish(message.header, message.drive.steering_angle, message.drive.speed)
        elif self.current == "assisted" and self.driver is not None:
            self._publish(message.header, message.drive.steering_angle, self.driver.speed)

    def on_joystick(self, message: Any) -> None:
        self._hear(self.stick, message)

    def on_console(self, message: Any) -> None:
        self._hear(self.page, message)

    def on_heartbeat(self, header: Any) -> None:
        self._watch_clock()
        stamp, now = nanoseconds(header.stamp), self.now()
        if abs(now - stamp) <= self.parameters.link_timeout * NANOSECONDS:
            self.alive = max(min(stamp, now), self.alive or 0)

    def on_mode_request(self, message: Any) -> None:
        self._watch_clock()
        if message.data not in get_args(Mode):
            raise DriveModeError(f"mode {message.data!r} was asked for; wanted one of {', '.join(get_args(Mode))}")
        if self.engaged and message.data != "stopped":
            raise DriveModeError(f"{message.data} was asked for, but the emergency stop is engaged; release it first")
        self._switch(message.data, "on request")

    def on_emergency_stop(self, message: Any) -> None:
        if message.data:
            self.engaged = True
            self._switch("stopped", "emergency stop")

    def on_release_emergency_stop(self, _: Any) -> None:
        self.engaged = False

    def on_watch(self) -> None:
        self._watch_clock()
        for controls in (self.stick, self.page):
            if controls.heard is not None and (silence := self._silence(controls)):
                self._lose(controls, silence)
        if self.driver is None and self.current != "autonomous":
            self._stop()

    # Who drives.

    def _hear(self, controls: Controls, message: Any) -> None:
        self._watch_clock()
        if self._is_dropped(controls.name, message, controls.stamp, "link_timeout"):
            return
        wanted = message.drive
        controls.hear(wanted.steering_angle, wanted.speed, nanoseconds(message.header.stamp), self.now())
        if silence := self._silence(controls):
            self._lose(controls, silence)
            return
        steers = controls.steers(self.parameters.steering_dead_band)
        drives = controls.drives(self.parameters.speed_dead_band)
        if (self.current == "autonomous" and (steers or drives)) or (self.current == "assisted" and steers):
            self._switch("manual", f"{controls.name} takes over", controls)
        elif controls is not self.driver and self.current != "stopped" and (steers or drives):
            self._hand_to(controls)
        if controls is not self.driver:
            return
        if self.current == "manual":
            self._publish(message.header, wanted.steering_angle, wanted.speed)
        elif not wanted.speed:
            self._stop()  # not only with the policy's next command

    def _switch(self, mode: Mode, why: str, driver: Controls | None = None) -> None:
        self.current = mode
        self._hand_to(driver)
        self.mode.publish(make(String, data=mode))
        self.log.info(f"{mode}: {why}")
        if driver is None and mode != "autonomous":
            self._stop()

    def _hand_to(self, driver: Controls | None) -> None:
        for controls in (self.stick, self.page):
            if controls is not driver:
                controls.let_go()
        self.driver, self.lost = driver, ""
        self._report()

    def _lose(self, controls: Controls, silence: str) -> None:
        controls.forget()
        if controls is self.driver:
            self.driver, self.lost = None, silence
            self.log.warning(f"stopped: {silence}")
            self._report()
            self._stop_at_once()

    def _silence(self, controls: Controls) -> str:
        """Say what is not to be heard of a person any more, or would not be by the next look."""
        patience_ns = (self.parameters.link_timeout - WATCH_PERIOD_S) * NANOSECONDS
        heard = {controls.name: controls.heard}
        if controls is self.page:
            heard["the page's heartbeat"] = self.alive
        for name, at in heard.items():
            if at is None or self.now() - at >= patience_ns:
                return f"{name} is silent"
        return ""

    # What is dropped, and what leaves.

    def _is_dropped(self, source: str, message: Any, last: int | None, tolerance: str) -> bool:
        stamp = nanoseconds(message.header.stamp)
        why = fault(message.drive, stamp, self.now(), getattr(self.parameters, tolerance), tolerance)
        if not why and last is not None and stamp <= last:
            why = "its stamp is not newer than the last command's"
        if why:
            self.dropped += 1
            self.log.warning(f"command of {source} dropped: {why}")
            self._report()
        return bool(why)

    def _stop_at_once(self) -> None:
        self.stop.publish(make(Empty))
        self._stop()

    def _stop(self) -> None:
        self._publish(make(Header, stamp=time(self.now())), self.angle, 0.0)

    def _publish(self, header: Any, angle: float, speed: float) -> None:
        self.angle = angle
        drive = make(AckermannDrive, steering_angle=angle, speed=speed)
        self.command.publish(make(AckermannDriveStamped, header=header, drive=drive))

    def _report(self) -> None:
        if self.current in ("stopped", "autonomous"):
            state = ""
        elif self.driver is not None:
            state = f": by {self.driver.name}"
        else:
            state = f": {self.lost or 'no input yet'}; stopped until there is input"
        self.report("Mode", Level.WARN if self.lost else Level.OK, self.current + state, dropped=self.dropped)

    def _watch_clock(self) -> None:
        last, self.clock = self.clock, self.now()
        if self.clock < last:
            self.log.warning(f"the clock jumped back by {(last - self.clock) / NANOSECONDS:.2f} s")
            self._start_over()
            self._hand_to(None)

    def _start_over(self) -> None:
        self.stick, self.page = Controls("joystick"), Controls("console")
        self.policy_stamp = self.alive = None
