"""A serial port (pyserial) whose faults have one name, and that never makes its caller wait for long."""

from __future__ import annotations

import contextlib
import os
import select

from convoy.devices.errors import DeviceError, MissingLibraryError

WRITE_WITHIN_S = 0.05
"""A device that takes nothing for that long hangs; a command that waits longer than this is too old to be sent."""
_MAX_READ = 4096


class SerialPort:
    """An open port, for this process alone: two who command one motor would take turns.

    Args:
        path: such as ``/dev/ttyACM0``, or better one of ``/dev/serial/by-id``, which stays when devices are replugged.
        baud_rate: bits per second; USB devices ignore it.

    Raises:
        DeviceError: pyserial is not installed, or the port can't be opened.
    """

    def __init__(self, path: str, baud_rate: int) -> None:
        try:
            import serial  # type: ignore[import-untyped]
        except ModuleNotFoundError:
            raise MissingLibraryError("pyserial", "A serial port") from None
        self.path = path
        try:
            self._port = serial.Serial(path, baud_rate, timeout=0, exclusive=True)
        except (OSError, ValueError) as error:
            raise DeviceError(f"{path} can't be opened: {_reason(error)}") from None

    def write(self, data: bytes) -> None:
        """Send bytes, all of them.

        Raises:
            DeviceError: the device has gone, or takes nothing; some of the bytes may be on their way.
        """
        # Not by pyserial: it counts the time that the process itself was held up, and busily waits without a limit.
        file = self._port.fileno()
        try:
            while data:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(file, data) :]
                if data and not select.select([], [file], [], WRITE_WITHIN_S)[1]:
                    raise DeviceError(f"{self.path} has taken no bytes for {WRITE_WITHIN_S} s")
        except OSError as error:
            raise DeviceError(f"{self.path} is gone: {_reason(error)}") from None

    def read(self) -> bytes:
        """Return what has come, if anything; does not wait.

        Raises:
            DeviceError: the device has gone.
        """
        try:
            return bytes(self._port.read(_MAX_READ))
        except OSError as error:
            raise DeviceError(f"{self.path} is gone: {_reason(error)}") from None

    def close(self) -> None:
        """Close the port, also of a device that has gone."""
        with contextlib.suppress(OSError):
            self._port.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
