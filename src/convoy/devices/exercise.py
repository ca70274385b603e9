"""A car on a stand, moved step by step by hand: its device is kept alive, and left at neutral whatever happens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from convoy.devices.ackermann_actuator import AckermannActuator
from convoy.devices.actuator import PERIOD_S, SILENT_AFTER_NS, STARTS_WITHIN_NS
from convoy.devices.errors import DeviceError
from convoy.interfaces.messages import NANOSECONDS


class Exercise:
    """The device of an `AckermannActuator`, without its component: what is put out is told to it value by value.

    Opened and closed by ``with``; it is at neutral from the start, and again at the end, whatever ended it.

    Args:
        parameters: of the actuator.

    Raises:
        ParameterError: one of them is wrong.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._actuator = AckermannActuator("actuator", parameters)
        self.steering = self.throttle = 0.0
        """What is put out: -1 to 1 of the travels, as in `Driver`."""
        self.rest = 0.0
        """The throttle at which the motor is off."""
        self.said: Mapping[str, str] = {}
        """What the device says of itself."""

    def __enter__(self) -> Self:
        """Open the device, and wait until it has answered and is armed.

        Raises:
            DeviceError: it is not there, or does not answer.
        """
        self._driver = self._actuator.open_driver()
        self._heard, self._patience = time.monotonic_ns(), STARTS_WITHIN_NS
        try:
            while self._patience == STARTS_WITHIN_NS:
                self._pass(PERIOD_S)
            armed = time.monotonic() + self._actuator.parameters.arming
            while time.monotonic() < armed:
                self._pass(PERIOD_S)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def put(self, steering: float, throttle: float) -> None:
        """Put out both values from now on.

        Raises:
            DeviceError: the device has gone.
        """
        self.steering, self.throttle = steering, throttle
        self._driver.write(steering, throttle)

    def keep_alive(self) -> None:
        """Listen to the device, and tell it once more what to put out: to be called every `PERIOD_S`, or more often.

        Raises:
            DeviceError: the device has gone, or is silent.
        """
        said, now = self._driver.poll(), time.monotonic_ns()
        if said is not None:
            self.said, self._heard, self._patience = said, now, SILENT_AFTER_NS
        elif now - self._heard > self._patience:
            raise DeviceError(
                f"{self._actuator.device} has not answered for {self._patience / NANOSECONDS:.1f} s; "
                "has it power, and does it speak at this baud rate?"
            )
        self._driver.write(self.steering, self.throttle)

    def _pass(self, seconds: float) -> None:
        self.keep_alive()
        time.sleep(seconds)

    def _close(self) -> None:
        with contextlib.suppress(DeviceError):
            self._driver.write(self.steering, self.rest)
        self._driver.close()
