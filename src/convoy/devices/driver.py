"""What every driver of actuators offers, whatever bus it speaks on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Driver(Protocol):
    """An open device with two outputs: steering and throttle of a car, or left and right of two wheels.

    Values are -1 to 1; steering is left positive, throttle forwards positive, and 0.0 on a motor is no drive at all.
    """

    def write(self, first: float, second: float) -> None:
        """Put out both values.

        Raises:
            DeviceError: the device has gone or takes nothing.
        """

    def poll(self) -> Mapping[str, str] | None:
        """Return what the device says of itself, if it has answered since the last poll; does not wait.

        Raises:
            DeviceError: the device has gone.
        """

    def close(self) -> None:
        """Give the device back; what it puts out stays as it is."""
