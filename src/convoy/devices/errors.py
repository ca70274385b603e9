"""What goes wrong with devices."""

from __future__ import annotations

from convoy.errors import ConvoyError


class DeviceError(ConvoyError):
    """A device is not there, does not answer, answers nonsense, or its library is not installed."""


class MissingLibraryError(DeviceError):
    """The Python package that speaks to a kind of device is not installed; trying again is of no use."""

    def __init__(self, package: str, device: str) -> None:
        super().__init__(f"{device} needs the Python package {package}: pip install 'convoy[devices]'")


class CalibrationError(DeviceError):
    """What was said of a vehicle while calibrating it can't be; nothing has been taken over."""
