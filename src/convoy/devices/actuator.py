"""What all actuators share: a device that is kept at neutral unless there is a fresh command, and is found again."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from convoy.devices.channel import Channel
from convoy.devices.driver import Driver
from convoy.devices.errors import DeviceError, MissingLibraryError
from convoy.devices.line_protocol import LineController
from convoy.devices.pca9685 import Pca9685
from convoy.devices.serial_port import SerialPort
from convoy.graph import Component, ComponentParameters, Level, Timer
from convoy.interfaces.messages import NANOSECONDS

PERIOD_S = 0.05
SILENT_AFTER_NS = NANOSECONDS // 2
"""Without an answer a device that has answered before is taken for gone."""
STARTS_WITHIN_NS = 5 * NANOSECONDS
"""Many a microcontroller starts anew when its port is opened, and takes seconds to answer."""
RETRY_NS, LONGEST_RETRY_NS = NANOSECONDS // 4, 4 * NANOSECONDS


class Actuator(Component):
    """Base of the components that move a vehicle; `open_driver` and handlers that call `move` make one of it.

    Twenty times a second the device is told what to put out: the last command, and neutral when it is older than
    `stale_after`, when there has been none, and for `arming` seconds after the device has been found, as motor
    controllers ask for. When it is written to in vain, does not answer or has been reset, it is told neutral once
    more, closed, and looked for again with growing pauses; then a command of before no longer counts.
    """

    class Parameters(ComponentParameters):
        device: Literal["pca9685", "vesc", "serial"] = Field("pca9685", description="what moves the vehicle")
        port: str = Field("/dev/ttyACM0", description="serial port of the device; /dev/serial/by-id/... stays the same")
        baud_rate: int = Field(115200, ge=1200, le=4_000_000, description="bits per second of the serial port")
        i2c_bus: int = Field(1, ge=0, le=255, description="of the PCA9685: the number in /dev/i2c-1")
        i2c_address: int = Field(0x40, ge=0x08, le=0x77, description="of the PCA9685; 64 is 0x40")
        outputs: list[int] = Field([0, 1], description="of the PCA9685: steering and throttle, or left and right")
        stale_after: float = Field(0.3, ge=2 * PERIOD_S, le=2.0, description="s without a command until neutral")
        arming: float = Field(1.0, ge=0.0, le=30.0, description="s of neutral after the device was found")

        @field_validator("outputs")
        @classmethod
        def _two_outputs(cls, outputs: list[int]) -> list[int]:
            if len(set(outputs)) != 2 or len(outputs) != 2 or not all(0 <= number <= 15 for number in outputs):
                raise ValueError("wanted two different numbers, 0 to 15")
            return outputs

    LIVE: ClassVar[set[str]] = {"stale_after"}
    """Parameters that may change while the device is open."""

    watch = Timer(PERIOD_S)

    driver: Driver | None = None
    wanted = (0.0, 0.0)
    commanded: int | None
    """When that was commanded; none where nothing is to move."""
    answered: int | None
    armed_at: int | None
    """From when on the device may move; none until it has answered."""
    resting: tuple[float, float] = (0.0, 0.0)
    """What is put out at neutral."""

    def open_driver(self) -> Driver:
        """Open the device.

        Raises:
            DeviceError: it is not there.
        """
        raise NotImplementedError

    def move(self, first: float, second: float) -> None:
        """Take a command: what the driver is to put out."""
        self.wanted, self.commanded = (first, second), self.now()
        self._put_out()

    def rest(self) -> None:
        """Go to neutral at once, until there is a new command."""
        self.commanded = None
        self._put_out()

    @property
    def device(self) -> str:
        """What the device is called on /diagnostics."""
        p = self.parameters
        return f"{p.device} on {f'/dev/i2c-{p.i2c_bus}' if p.device == 'pca9685' else p.port}"

    def on_parameters(self, parameters: Any) -> None:
        old, new = self.parameters.model_dump(exclude=self.LIVE), parameters.model_dump(exclude=self.LIVE)
        if changed := [name for name in new if new[name] != old[name]]:
            raise DeviceError(f"{changed[0]!r} is read when the actuator is configured; configure it anew.")

    def on_activate(self) -> None:
        self.resting = (0.0, 0.0)
        self.clock = self.now()
        self.retry = RETRY_NS
        self._start_over()
        self._connect()

    def on_deactivate(self) -> None:
        self._disconnect()
        self.report("Device", Level.OK, "closed")

    def on_cleanup(self) -> None:
        self._disconnect()

    def on_watch(self) -> None:
        last, self.clock = self.clock, self.now()
        if self.clock < last:
            self._start_over()
        if self.driver is None:
            if self.clock >= self.retry_at:
                self._connect()
        elif self._answers(self.driver):
            self._put_out()

    # The device.

    def _connect(self) -> None:
        try:
            self.driver = self.open_driver()
        except MissingLibraryError:
            raise
        except DeviceError as error:
            self._lose(str(error))
            return
        self._start_over()
        self.report("Device", Level.WARN, f"{self.device}: waiting for its first answer")
        self._put_out()

    def _start_over(self) -> None:
        self.commanded = self.answered = self.armed_at = None
        self.opened = self.retry_at = self.now()

    def _answers(self, driver: Driver) -> bool:
        """Listen to the device; tells whether it is there, whether it has answered yet or not."""
        try:
            said = driver.poll()
        except DeviceError as error:
            self._lose(str(error))
            return False
        now = self.now()
        if said is not None:
            if self.armed_at is None:
                self.armed_at = now + round(self.parameters.arming * NANOSECONDS)
                self.retry = RETRY_NS
                self.log.info(f"{self.device}: found")
            self.answered = now
            fault = said.get("fault")
            self.report("Device", Level.WARN if fault else Level.OK, self._state(fault), **said)
            return True
        since, patience = (self.opened, STARTS_WITHIN_NS) if self.answered is None else (self.answered, SILENT_AFTER_NS)
        if now - since < patience:
            return True
        self._lose(f"{self.device}: has not answered for {patience / NANOSECONDS:.1f} s")
        return False

    def _state(self, fault: str | None) -> str:
        if fault:
            return f"{self.device}: reports a fault: {fault}"
        if self._may_move():
            return f"{self.device}: driving"
        return f"{self.device}: neutral, {'no command' if self.armed_at and self.now() >= self.armed_at else 'arming'}"

    def _may_move(self) -> bool:
        now = self.now()
        if self.commanded is None or self.armed_at is None or now < self.armed_at:
            return False
        return now - self.commanded < self.parameters.stale_after * NANOSECONDS

    def _put_out(self) -> None:
        if self.driver is None:
            return
        try:
            self.driver.write(*(self.wanted if self._may_move() else self.resting))
        except DeviceError as error:
            self._lose(str(error))

    def _lose(self, why: str) -> None:
        self._disconnect()
        self.retry_at = self.now() + self.retry
        self.log.error(f"{why}; trying again")
        self.report("Device", Level.ERROR, why)
        self.retry = min(2 * self.retry, LONGEST_RETRY_NS)

    def _disconnect(self) -> None:
        driver, self.driver = self.driver, None
        self.commanded = None
        if driver is not None:
            with contextlib.suppress(DeviceError):
                driver.write(*self.resting)
            driver.close()


def open_pulses(parameters: Any, channels: tuple[Channel, Channel]) -> Driver:
    """Open a device that puts out two pulses: a PCA9685, or a microcontroller that speaks the line protocol.

    Raises:
        DeviceError: it is not there.
    """
    p = parameters
    if p.device == "pca9685":
        return Pca9685(p.i2c_bus, p.i2c_address, (p.outputs[0], p.outputs[1]), channels)
    return LineController(SerialPort(p.port, p.baud_rate), channels)
