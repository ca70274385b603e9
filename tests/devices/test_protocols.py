"""Bytes on the wire, against what the devices' makers have published."""

from __future__ import annotations

import random
import struct

import pytest
from tests.devices.emulators import crc16, vesc_frame

from convoy.devices import pca9685, vesc
from convoy.devices.channel import Channel
from convoy.devices.line_protocol import MAX_LINE, LineReader, line
from convoy.devices.vesc import FrameReader, frame, set_brake_current, set_rpm, set_servo_position

# VESC.


def test_the_crc_is_that_of_the_firmware() -> None:
    assert crc16(b"123456789") == 0x31C3  # check value of CRC-16/XMODEM, catalogue of parametrised CRC algorithms
    assert frame(b"\x04") == bytes.fromhex("02 01 04 40 84 03")  # entry 4 of crc16_tab in util/crc.c is 0x4084
    assert frame(b"\x00") == bytes.fromhex("02 01 00 00 00 03")  # COMM_FW_VERSION


def test_commands_are_scaled_as_the_firmware_reads_them() -> None:
    """comm/commands.c: int32 ERPM; int32 current / 1000; int16 servo position / 1000; all big-endian."""
    assert set_rpm(-5000)[2:-3] == b"\x08" + struct.pack(">i", -5000)
    assert set_brake_current(5.0)[2:-3] == b"\x07\x00\x00\x13\x88"
    assert set_servo_position(0.5)[2:-3] == b"\x0c\x01\xf4"
    for data in (set_rpm(-5000), set_brake_current(5.0), set_servo_position(0.5)):
        assert data == vesc_frame(data[2:-3])


@pytest.mark.parametrize("size", [1, 255, 256, 512])
def test_short_and_long_frames_are_read_back(size: int) -> None:
    payload = bytes(i % 251 for i in range(size))
    data = frame(payload)
    assert data[0] == (2 if size < 256 else 3)
    assert list(FrameReader().feed(data)) == [payload]


def test_frames_are_found_in_garbage_byte_by_byte() -> None:
    random_ = random.Random(0)
    reader, found = FrameReader(), []
    good = [bytes([50, i, 7]) for i in range(50)]
    stream = b""
    for payload in good:
        stream += random_.randbytes(random_.randrange(9)) + frame(payload)
    stream += bytes(600)  # what looks like the start of a long frame is waited for, but not for ever
    for byte in stream:
        found += reader.feed(bytes([byte]))
    assert [payload for payload in found if payload in good] == good
    assert reader.garbage > 600


@pytest.mark.parametrize("damage", ["bit", "cut", "end", "length"])
def test_a_damaged_frame_is_none_and_the_next_is(damage: str) -> None:
    data = bytearray(frame(b"\x32abc"))
    if damage == "bit":
        data[3] ^= 1
    elif damage == "end":
        data[-1] = 4
    elif damage == "length":
        data[1] = 0
    else:
        del data[-4:]
    found = list(FrameReader().feed(bytes(data) + frame(b"\x00\x06\x05")))
    assert found == [b"\x00\x06\x05"]


# PCA9685.


def test_the_prescaler_is_that_of_the_data_sheet() -> None:
    assert pca9685.prescale(200) == 0x1E  # the data sheet's own example, and the chip's default
    assert pca9685.prescale(50) == 121
    assert (pca9685.prescale(1526), pca9685.prescale(23.84)) == (0x03, 0xFF)  # the limits of 7.3.5: 1526 and 24 Hz


def test_registers_are_those_of_the_data_sheet() -> None:
    assert (pca9685.MODE1, pca9685.MODE2, pca9685.LED0_ON_L, pca9685.PRE_SCALE) == (0x00, 0x01, 0x06, 0xFE)
    assert pca9685.LED0_ON_L + 4 * 15 == 0x42  # LED15_ON_L


# Pulses.


def test_a_value_becomes_a_pulse() -> None:
    channel = Channel(centre=1480, travel=400, dead_band=40)
    assert [channel.pulse_us(value) for value in (0.0, 1.0, -1.0, 0.5, 9.0)] == [1480, 1880, 1080, 1700, 1880]
    assert channel.pulse_us(1e-9) == 1520, "past the dead band"
    assert channel.pulse_us(float("nan")) == 1480
    assert Channel(1500, 300, reversed=True).pulse_us(1.0) == 1200
    assert Channel(2400, 1000).pulse_us(1.0) == 2500, "no servo wants more"


# The line protocol: docs/actuators.md has these very lines.


def test_lines_are_those_of_the_documentation() -> None:
    assert line("N", 1500, 1500) == b"$N,1500,1500*4E\n"
    assert line("D", 1620, 1540) == b"$D,1620,1540*41\n"
    assert list(LineReader().feed(b"$A,1620,1540*44\r\n$R*52\n")) == [["A", "1620", "1540"], ["R"]]


@pytest.mark.parametrize(
    "bad",
    [
        b"$A,1,2*00\n",
        b"A,1,2*46\n",
        b"\xff\xfe\n",
        b"$A,1,2\n",
        b"$*00\n",
        b"$a,1*00\n",
        b"x" * 200 + b"\n",
        b"$A,15",
        b"$",
        b"x",
    ],
)
def test_what_is_no_line_is_counted_and_the_next_is_read(bad: bytes) -> None:
    reader = LineReader()
    assert list(reader.feed(bad + line("A", 1, 2))) == [["A", "1", "2"]]
    assert reader.garbage == 1


def test_lines_come_in_parts_and_endless_ones_take_no_memory() -> None:
    reader, found = LineReader(), []
    for byte in line("A", 1500, 1500):
        found += reader.feed(bytes([byte]))
    assert found == [["A", "1500", "1500"]]
    for _ in range(1000):
        assert not list(reader.feed(b"x" * 100))
    assert len(reader._buffer) <= MAX_LINE
    assert list(reader.feed(b"\n" + line("R"))) == [["R"]]


def test_faults_have_names() -> None:
    assert vesc.FAULTS[2] == "under-voltage"  # FAULT_CODE_UNDER_VOLTAGE in datatypes.h
