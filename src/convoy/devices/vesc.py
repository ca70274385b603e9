"""A VESC: motor controller with a servo output, on USB or UART.

Protocol by the firmware's own sources (github.com/vedderb/bldc): frames comm/packet.c, CRC util/crc.c, commands
datatypes.h (COMM_PACKET_ID) and comm/commands.c, servo pulses driver/pwm_servo.c. Numbers are big-endian.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator, Mapping

from convoy.devices.channel import Channel
from convoy.devices.serial_port import SerialPort

FW_VERSION, SET_CURRENT_BRAKE, SET_RPM, SET_SERVO_POS, GET_VALUES_SELECTIVE = 0, 7, 8, 12, 50
MAX_PAYLOAD = 512
"""PACKET_MAX_PL_LEN of the firmware."""
_SHORT, _LONG, _END = 2, 3, 3

_VALUES = 1 << 0 | 1 << 7 | 1 << 8 | 1 << 15
"""Temperature of the power stage in 0.1 degrees C, ERPM, input voltage in 0.1 V, fault code, in this order."""
_REPORT = struct.Struct(">BIhihB")
_SERVO_US = 1000, 1000
"""Pulse of servo position 0, and how much longer that of position 1 is."""

FAULTS = {
    1: "over-voltage",
    2: "under-voltage",
    3: "gate driver",
    4: "over-current",
    5: "power stage too hot",
    6: "motor too hot",
}
"""The commonest of mc_fault_code; others are named by their number."""


def frame(payload: bytes) -> bytes:
    """Wrap a payload: start byte 2 or 3, length in one or two bytes, payload, its CRC-16/XMODEM, end byte 3."""
    start = bytes([_SHORT, len(payload)]) if len(payload) < 256 else struct.pack(">BH", _LONG, len(payload))
    return start + payload + struct.pack(">HB", binascii.crc_hqx(payload, 0), _END)


class FrameReader:
    """Finds the frames in a stream of bytes, past garbage and frames that are damaged or cut short."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbage = 0
        """Bytes that belonged to no frame."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in bytes; yields the payload of each frame that they complete."""
        self._buffer += data
        while self._buffer:
            size = self._frame_size()
            if size is None or size > len(self._buffer):
                return
            if size and (payload := self._payload(size)) is not None:
                del self._buffer[:size]
                yield payload
            else:
                del self._buffer[0]
                self.garbage += 1

    def _frame_size(self) -> int | None:
        """Size of the frame that may begin here; 0 where none can, None while that is not to be told."""
        start = self._buffer[0]
        if start not in (_SHORT, _LONG):
            return 0
        head = start  # start byte, and one or two of length
        if len(self._buffer) < head:
            return None
        length = int.from_bytes(self._buffer[1:head], "big")
        fits = 0 < length <= MAX_PAYLOAD and (start == _SHORT or length > 255)
        return head + length + 3 if fits else 0

    def _payload(self, size: int) -> bytes | None:
        head = self._buffer[0]
        payload = bytes(self._buffer[head : size - 3])
        crc = int.from_bytes(self._buffer[size - 3 : size - 1], "big")
        whole = self._buffer[size - 1] == _END and crc == binascii.crc_hqx(payload, 0)
        return payload if whole else None


def set_servo_position(position: float) -> bytes:
    """Frame that turns the servo: 0 to 1 is a pulse of 1 to 2 ms."""
    return frame(struct.pack(">Bh", SET_SERVO_POS, round(position * 1000)))


def set_rpm(erpm: float) -> bytes:
    """Frame that has the motor keep a speed: electrical revolutions per minute, which is rpm times pole pairs."""
    return frame(struct.pack(">Bi", SET_RPM, round(erpm)))


def set_brake_current(amperes: float) -> bytes:
    """Frame that brakes the motor; with 0 A it is let go."""
    return frame(struct.pack(">Bi", SET_CURRENT_BRAKE, round(amperes * 1000)))


class Vesc:
    """Steers by the servo output and drives by speed; see `Driver`.

    The firmware lets the motor go when no command has come for its timeout (1 s unless set otherwise in VESC Tool);
    only commands are repeated, never COMM_ALIVE, which would keep an old one going. "Enable Servo Output" has to be
    on in VESC Tool.

    Args:
        port: the VESC's.
        steering: of the servo; pulses of 1000 to 2000 us are to be had.
        max_erpm: of throttle 1; negative where forwards is.
        brake_current: A, at throttle 0.

    Raises:
        DeviceError: the port takes nothing.
    """

    def __init__(self, port: SerialPort, steering: Channel, max_erpm: float, brake_current: float) -> None:
        self._port = port
        self._steering = steering
        self._max_erpm = max_erpm
        self._brake_current = brake_current
        self._frames = FrameReader()
        self._said: dict[str, str] = {}

    def write(self, first: float, second: float) -> None:
        shortest, span = _SERVO_US
        position = (self._steering.pulse_us(first) - shortest) / span
        motor = set_rpm(second * self._max_erpm) if second else set_brake_current(self._brake_current)
        ask = bytes([FW_VERSION]) if "firmware" not in self._said else struct.pack(">BI", GET_VALUES_SELECTIVE, _VALUES)
        self._port.write(motor + set_servo_position(min(max(position, 0.0), 1.0)) + frame(ask))

    def poll(self) -> Mapping[str, str] | None:
        answered = False
        for payload in self._frames.feed(self._port.read()):
            answered |= self._understand(payload)
        return self._said | {"garbage (bytes)": str(self._frames.garbage)} if answered else None

    def close(self) -> None:
        self._port.close()

    def _understand(self, payload: bytes) -> bool:
        if payload[0] == FW_VERSION and len(payload) >= 3:
            self._said["firmware"] = f"{payload[1]}.{payload[2]:02d}"
            return True
        if payload[0] == GET_VALUES_SELECTIVE and len(payload) == _REPORT.size:
            _, mask, temperature, erpm, voltage, fault = _REPORT.unpack(payload)
            if mask == _VALUES:
                self._said |= {"erpm": str(erpm), "input (V)": f"{voltage / 10:.1f}"}
                self._said["power stage (C)"] = f"{temperature / 10:.1f}"
                self._said["fault"] = FAULTS.get(fault, f"code {fault}") if fault else ""
                return True
        return False
