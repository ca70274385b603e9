"""Devices that are not there: each understands its bytes as the real one does, and remembers what it puts out."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

SOON_S = 2.0
"""A pseudo-terminal hands bytes on in the background; that long those that were written are waited for."""


class Plug:
    """A serial device that can be pulled out and put in again: a pseudo-terminal behind a link in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ttyFAKE0"
        self.plug()

    def plug(self) -> None:
        self.expected = 0
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        self.path.unlink()
        os.close(self._master)
        os.close(self._slave)

    def received(self) -> bytes:
        """Return the bytes that have been written since the last call."""
        data = b""
        while len(data) < self.expected and select.select([self._master], [], [], SOON_S)[0]:
            data += os.read(self._master, 4096)
        self.expected -= len(data)
        return data

    @contextmanager
    def live(self) -> Iterator[None]:
        """Serve it all the time, as long as the block lasts, whoever writes to it."""
        stopping = threading.Event()
        server = threading.Thread(target=self._serve_until, args=(stopping,))
        server.start()
        try:
            yield
        finally:
            stopping.set()
            server.join()

    def _serve_until(self, stopping: threading.Event) -> None:
        self._is_live = True
        data = b""
        while not stopping.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                data += os.read(self._master, 4096)
                whole = self.whole(data)
                self.obey(data[:whole])
                data = data[whole:]

    _is_live = False

    def serve(self) -> None:
        self.obey(self.received())

    def whole(self, data: bytes) -> int:
        """Return how many bytes the messages take that are all there."""
        raise NotImplementedError

    def obey(self, data: bytes) -> None:
        """Do what whole messages say."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        before = self._waiting()
        os.write(self._master, data)
        for _ in range(0 if self._is_live else 100):
            if self._waiting() >= min(before + len(data), 4095):
                return
            select.select([], [], [], 0.01)

    def _waiting(self) -> int:
        return int(struct.unpack("I", fcntl.ioctl(self._slave, termios.FIONREAD, b"\0" * 4))[0])


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def vesc_payloads(data: bytes) -> list[bytes]:
    """Take frames apart; each must be whole and its CRC right."""
    payloads = []
    while data:
        assert data[0] == 2, data.hex(" ")
        length = data[1]
        payload, rest = data[2 : 2 + length], data[2 + length :]
        assert int.from_bytes(rest[:2], "big") == crc16(payload), "wrong CRC"
        assert rest[2] == 3, "no end byte"
        payloads.append(payload)
        data = rest[3:]
    return payloads


def vesc_frame(payload: bytes) -> bytes:
    return bytes([2, len(payload)]) + payload + crc16(payload).to_bytes(2, "big") + b"\x03"


class EmulatedVesc(Plug):
    """Motor and servo of a VESC, as its firmware would set them."""

    answers = True
    fault = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.motor: tuple[str, float] = ("off", 0.0)
        self.servo = 0.0
        self.history: list[tuple[str, float]] = []

    def whole(self, data: bytes) -> int:
        end = 0
        while len(data) > end + 1 and len(data) >= (next_ := end + data[end + 1] + 5):
            end = next_
        return end

    def obey(self, data: bytes) -> None:
        for payload in vesc_payloads(data):
            kind = payload[0]
            if kind == 8:
                self._set("erpm", struct.unpack(">i", payload[1:])[0])
            elif kind == 7:
                self._set("brake", struct.unpack(">i", payload[1:])[0] / 1000)
            elif kind == 12:
                self.servo = struct.unpack(">h", payload[1:])[0] / 1000
            elif kind == 0 and self.answers:
                self.send(vesc_frame(b"\x00\x06\x05" + b"410\0" + bytes(12)))
            elif kind == 50 and self.answers:
                assert payload[1:] == struct.pack(">I", 1 << 0 | 1 << 7 | 1 << 8 | 1 << 15)
                erpm = round(self.motor[1]) if self.motor[0] == "erpm" else 0
                report = struct.pack(">hihB", 312, erpm, 118, self.fault)
                self.send(vesc_frame(payload + report))

    def _set(self, kind: str, value: float) -> None:
        self.motor = (kind, value)
        self.history.append(self.motor)

    @property
    def neutral(self) -> bool:
        return self.motor[0] == "brake"


class EmulatedMicrocontroller(Plug):
    """A board that speaks the line protocol: what docs/actuators.md asks of it."""

    answers = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.start()

    def start(self) -> None:
        self.resting: tuple[int, ...] | None = None
        self.pulses: tuple[int, ...] = ()
        self.history: list[tuple[int, ...]] = []

    def whole(self, data: bytes) -> int:
        return data.rfind(b"\n") + 1

    def obey(self, data: bytes) -> None:
        for line in data.splitlines():
            assert line[:1] == b"$", line
            body, _, sum_ = line[1:].partition(b"*")
            assert reduce(xor, body) == int(sum_, 16), line
            kind, *fields = body.decode().split(",")
            pulses = tuple(map(int, fields))
            if kind == "N":
                self.resting = self.pulses = pulses
            elif kind == "D" and self.resting:
                self.pulses = pulses
            self.history.append(self.pulses)
            if self.answers and self.pulses:
                answer = "A,{},{}".format(*self.pulses).encode()
                self.send(b"$%s*%02X\r\n" % (answer, reduce(xor, answer)))

    @property
    def neutral(self) -> bool:
        return self.pulses[1] == 1500


class EmulatedPca9685:
    """Registers of the chip, behind smbus2's interface; `SMBus` takes the place of smbus2's class."""

    def __init__(self) -> None:
        self.registers: dict[int, int] = {}
        self.transfers: list[tuple[int, list[int]]] = []
        self.there = True
        self.buses: list[int] = []
        self.reset()

    def reset(self) -> None:
        """As after power-on: asleep, every output off, 200 Hz."""
        self.registers = {0x00: 0x11, 0x01: 0x04, 0xFE: 0x1E}
        for output in range(16):
            self.registers |= {0x06 + 4 * output + byte: value for byte, value in enumerate((0, 0, 0, 0x10))}

    def SMBus(self, bus: int) -> EmulatedPca9685:  # noqa: N802
        if not self.there:
            raise OSError(errno.ENOENT, "No such file or directory")
        self.buses.append(bus)
        return self

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        self._address(address)
        self.transfers.append((register, data))
        for offset, value in enumerate(data):
            at = register + (offset if self.registers[0] & 0x20 else 0)
            if at == 0xFE and not self.registers[0] & 0x10:
                continue  # blocked while it is awake
            self.registers[at] = value

    def read_byte_data(self, address: int, register: int) -> int:
        self._address(address)
        return self.registers[register]

    def close(self) -> None:
        pass

    def serve(self) -> None:
        pass

    def _address(self, address: int) -> None:
        if not self.there or address != 0x40:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")

    def pulse_us(self, output: int) -> float:
        """Length of the pulse that is put out; 0 where there is none."""
        on_l, on_h, off_l, off_h = (self.registers[0x06 + 4 * output + byte] for byte in range(4))
        if self.registers[0] & 0x10 or off_h & 0x10:
            return 0.0
        steps = (off_l | off_h << 8) - (on_l | on_h << 8)
        return steps * (self.registers[0xFE] + 1) / 25.0

    @property
    def neutral(self) -> bool:
        return abs(self.pulse_us(1) - 1500) < 3


Emulated = Any
"""One of the three."""
