"""A PCA9685: sixteen PWM outputs on I2C, the chip on most servo boards.

Registers by NXP's data sheet PCA9685, Rev. 4 (2015): 7.3.1 MODE1, 7.3.2 MODE2, 7.3.3 LEDn, 7.3.5 PRE_SCALE.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from convoy.devices.channel import Channel
from convoy.devices.errors import DeviceError, MissingLibraryError

MODE1, MODE2, LED0_ON_L, PRE_SCALE = 0x00, 0x01, 0x06, 0xFE
AUTO_INCREMENT, SLEEP = 0x20, 0x10
TOTEM_POLE = 0x04
OSCILLATOR_HZ = 25_000_000
STEPS = 4096
"""Of one period."""
FREQUENCY_HZ = 50
"""What every analogue servo and motor controller takes."""
_WAKE_S = 0.0005
"""The oscillator is up after that at the latest (7.3.1.1)."""


def prescale(frequency_hz: float) -> int:
    """Return PRE_SCALE for a frequency: round(25 MHz / (4096 * frequency)) - 1, at least 3 (7.3.5)."""
    return min(max(round(OSCILLATOR_HZ / (STEPS * frequency_hz)) - 1, 3), 255)


class Pca9685:
    """Puts out two pulses; see `Driver`. Others may use the chip's other outputs, at the same frequency.

    The chip has no watchdog: what it puts out stays until somebody writes, whatever became of the computer.

    Args:
        bus: number of the I2C bus, such as 1 for ``/dev/i2c-1``.
        address: 0x40, unless solder bridges say otherwise.
        outputs: numbers of the two outputs, 0 to 15.
        channels: their pulses.

    Raises:
        DeviceError: smbus2 is not installed, the bus can't be opened, or nothing answers at the address.
    """

    def __init__(self, bus: int, address: int, outputs: tuple[int, int], channels: tuple[Channel, Channel]) -> None:
        try:
            import smbus2
        except ModuleNotFoundError:
            raise MissingLibraryError("smbus2", "An I2C bus") from None
        self._where = f"PCA9685 at 0x{address:02x} on /dev/i2c-{bus}"
        self._address = address
        self._outputs = outputs
        self._channels = channels
        try:
            self._bus: Any = smbus2.SMBus(bus)
        except OSError as error:
            raise DeviceError(f"/dev/i2c-{bus} can't be opened: {error.strerror}") from None
        try:
            self._prepare()
        except DeviceError:
            self.close()
            raise

    def write(self, first: float, second: float) -> None:
        step_us = 1e6 * (prescale(FREQUENCY_HZ) + 1) / OSCILLATOR_HZ
        for output, channel, value in zip(self._outputs, self._channels, (first, second), strict=True):
            off = round(channel.pulse_us(value) / step_us)
            # All four registers in one transfer: the output changes at its end, from one whole pulse to another.
            self._write(LED0_ON_L + 4 * output, [0, 0, off & 0xFF, off >> 8])

    def poll(self) -> Mapping[str, str] | None:
        try:
            mode = self._bus.read_byte_data(self._address, MODE1)
        except OSError as error:
            raise self._gone(error) from None
        if mode != AUTO_INCREMENT:  # it lost its power for a moment, and sleeps
            raise DeviceError(f"{self._where} has been reset: MODE1 is 0x{mode:02x}, wanted 0x{AUTO_INCREMENT:02x}")
        return {}

    def close(self) -> None:
        self._bus.close()

    def _prepare(self) -> None:
        self._write(MODE1, [AUTO_INCREMENT | SLEEP])  # PRE_SCALE is written asleep only
        self._write(PRE_SCALE, [prescale(FREQUENCY_HZ)])
        self._write(MODE2, [TOTEM_POLE])
        self._write(MODE1, [AUTO_INCREMENT])
        time.sleep(_WAKE_S)

    def _write(self, register: int, data: list[int]) -> None:
        try:
            self._bus.write_i2c_block_data(self._address, register, data)
        except OSError as error:
            raise self._gone(error) from None

    def _gone(self, error: OSError) -> DeviceError:
        return DeviceError(f"{self._where} does not answer: {error.strerror}")
