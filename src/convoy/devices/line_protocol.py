"""The plain line protocol for microcontrollers, by which they put out two servo pulses; see docs/actuators.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import xor

from convoy.devices.channel import Channel
from convoy.devices.errors import DeviceError
from convoy.devices.serial_port import SerialPort

MAX_LINE = 64
_LINE = re.compile(rb"\$([A-Z](?:,[0-9A-Za-z ._-]*)*)\*([0-9A-F]{2})\r?")


def line(kind: str, *fields: object) -> bytes:
    """Make a line: ``$``, kind and fields joined by commas, ``*``, the XOR of all between in hexadecimal, line end."""
    body = ",".join([kind, *map(str, fields)]).encode("ascii")
    return b"$%s*%02X\n" % (body, reduce(xor, body))


class LineReader:
    """Finds the lines in a stream of bytes, past garbage and lines that are damaged or too long."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbage = 0
        """Lines that were none, and pieces before one."""

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Take in bytes; yields kind and fields of each line that they complete."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if len(rest) > MAX_LINE:
            self.garbage += 1
            rest = rest[:0]
        self._buffer = bytearray(rest)
        for text in lines:
            # A sender that was cut off within a line, by a reset as it may be, leaves a piece before its next one.
            start = max(text.rfind(b"$"), 0)
            found = _LINE.fullmatch(text, start)
            good = found is not None and reduce(xor, found[1]) == int(found[2], 16)
            self.garbage += start > 0 or not good
            if found and good:
                yield found[1].decode("ascii").split(",")


class LineController:
    """A microcontroller that speaks the line protocol; see `Driver`.

    Args:
        port: the microcontroller's.
        channels: pulses of its two outputs.
    """

    def __init__(self, port: SerialPort, channels: tuple[Channel, Channel]) -> None:
        self._port = port
        self._channels = channels
        self._lines = LineReader()
        self._ready = False

    def write(self, first: float, second: float) -> None:
        neutral = [channel.centre for channel in self._channels]
        pulses = [channel.pulse_us(value) for channel, value in zip(self._channels, (first, second), strict=True)]
        self._port.write(line("D", *pulses) if self._ready else line("N", *neutral))

    def poll(self) -> Mapping[str, str] | None:
        said = None
        for kind, *fields in self._lines.feed(self._port.read()):
            if kind == "R" and self._ready:
                raise DeviceError(f"{self._port.path}: the microcontroller has started anew")
            if kind == "A" and len(fields) == 2:
                self._ready = True
                said = {"pulses (us)": " ".join(fields), "garbage (lines)": str(self._lines.garbage)}
        return said

    def close(self) -> None:
        self._port.close()
