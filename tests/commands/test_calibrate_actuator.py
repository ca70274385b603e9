"""``convoy calibrate actuator``: what a person types, what the devices are told, and what is in the file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tests.devices.emulators import EmulatedMicrocontroller, EmulatedPca9685, EmulatedVesc
from typer.testing import CliRunner

from convoy.commands import actuator_dialog
from convoy.commands.actuator_dialog import find
from convoy.commands.calibrate import app
from convoy.commands.dialog import Dialog
from convoy.devices import exercise
from convoy.devices.errors import CalibrationError, DeviceError
from convoy.launch import build, load

YES, KEEP = "yes", ""
STEERING = ["1480", KEEP, "1800", KEEP, "1200", KEEP, "25"]
THROTTLE = ["+", KEEP, "+", "+", KEEP, "1700", KEEP]
SPEEDS = ["4", "1.2", "0.5"]
WHOLE = [YES, *STEERING, *THROTTLE, *SPEEDS, KEEP, YES]


@contextmanager
def typing(lines: list[str], dialog: type[Dialog] = Dialog) -> Iterator[Dialog]:
    """A person who has typed it all before it is asked for, and then leaves; one of another kind stays."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    if dialog is Dialog:
        os.close(writing)
    yield dialog(reading)
    os.close(reading)
    if dialog is not Dialog:
        os.close(writing)


def without_repetitions(values: list[Any]) -> list[Any]:
    return [value for value, _ in groupby(values)]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercise, "STARTS_WITHIN_NS", 1_000_000_000)


@pytest.fixture
def board(tmp_path: Path) -> EmulatedMicrocontroller:
    return EmulatedMicrocontroller(tmp_path)


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> EmulatedPca9685:
    chip = EmulatedPca9685()
    monkeypatch.setattr("smbus2.SMBus", chip.SMBus)
    return chip


def serial(board: Any, device: str = "serial") -> dict[str, Any]:
    return {"device": device, "port": str(board.path), "baud_rate": 115200, "arming": 0.0}


PCA = {"device": "pca9685", "i2c_bus": 1, "i2c_address": 0x40, "outputs": [0, 1], "arming": 0.0}


def car(root: Path, vehicle: Path) -> dict[str, Any]:
    """Parameters of the nodes that the launch file makes with a vehicle's file."""
    arguments = {"vehicle": str(vehicle), "joystick": "true"}
    graph = build(load(root / "launch/car.launch.yaml", arguments))
    return {component.name: component.parameters for component, _ in graph}


# The whole of it, on each device.


def test_a_microcontroller_is_told_each_step_and_the_file_is_what_was_found(
    root: Path, board: EmulatedMicrocontroller, tmp_path: Path
) -> None:
    with board.live(), typing(WHOLE) as dialog:
        find(serial(board), dialog, tmp_path / "car.yaml")
        time.sleep(0.1)
    straight = (1480, 1510)
    assert without_repetitions(board.history) == [
        *[(1500, 1500), (1480, 1500), (1800, 1500), (1480, 1500), (1200, 1500), (1480, 1500), straight],
        *[(1480, 1520), straight, (1480, 1530), straight, (1480, 1700), straight],
        *[(1760, 1510), (1200, 1510), straight, (1480, 1510 + 20 + round(0.25 * 170)), straight],
    ]
    nodes = car(root, tmp_path / "car.yaml")
    found = nodes["actuator"]
    assert (found.device, found.port, found.arming) == ("serial", str(board.path), 0.0)
    assert (found.steering_centre, found.steering_travel, found.steering_reversed) == (1480, 280, False)
    assert (found.throttle_centre, found.throttle_dead_band, found.throttle_travel) == (1510, 20, 190)
    assert not found.throttle_reversed
    assert found.full_speed == 4.0
    for name in ("actuator", "supervisor", "joystick", "console"):
        limits = nodes[name]
        assert (limits.max_steering_angle, limits.max_speed, limits.max_reverse_speed) == (0.4363, 1.2, 0.5), name


def test_a_servo_and_a_motor_that_turn_the_other_way_on_a_pca9685(
    root: Path, chip: EmulatedPca9685, tmp_path: Path
) -> None:
    steering = [KEEP, "1300", KEEP, "1750", KEEP, KEEP]
    throttle = [KEEP, "-", "--", "-", KEEP, "1250", KEEP]
    with typing([YES, *steering, *throttle, *SPEEDS, KEEP, YES]) as dialog:
        find(PCA, dialog, tmp_path / "car.yaml")
    outputs = {register: [] for register in (0x06, 0x0A)}
    for register, data in chip.transfers:
        if register in outputs:
            outputs[register].append(round((data[2] | data[3] << 8) * 122 / 25.0, -1))  # prescale 121, to 10 us
    pulses = {register: without_repetitions(found) for register, found in outputs.items()}
    assert pulses[0x06] == [1500, 1300, 1500, 1750, 1500, 1300, 1700, 1500], "the nearer end holds for both"
    assert pulses[0x0A] == [1500, 1490, 1500, 1440, 1500, 1430, 1500, 1250, 1500, 1390, 1500]
    assert chip.neutral
    found = car(root, tmp_path / "car.yaml")["actuator"]
    assert (found.steering_centre, found.steering_travel, found.steering_reversed) == (1500, 200, True)
    assert (found.throttle_dead_band, found.throttle_travel, found.throttle_reversed) == (70, 250, True)


def test_a_vesc_is_asked_for_the_motors_speed(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vesc = EmulatedVesc(tmp_path)
    lines = [YES, KEEP, "2500", "1900", KEEP, "1150", KEEP, KEEP, "+", "-1500", "--", KEEP, *SPEEDS, KEEP, YES]
    with vesc.live(), typing(lines) as dialog:
        find(serial(vesc, "vesc"), dialog, tmp_path / "car.yaml")
        time.sleep(0.1)
    off = ("brake", 5.0)
    turns = [off, ("erpm", 500), off, ("erpm", -1500), off, ("erpm", -4000), off, ("erpm", -1000), off]
    assert without_repetitions(vesc.history) == turns
    assert vesc.servo == 0.5
    found = car(root, tmp_path / "car.yaml")["actuator"]
    assert (found.steering_travel, found.max_erpm, found.throttle_reversed) == (350, 4000.0, True)
    assert "2500 us is out of range; wanted 1000 to 2000" in capsys.readouterr().out


# What is typed wrongly.


def test_what_can_not_be_is_said_and_asked_for_again(
    root: Path, board: EmulatedMicrocontroller, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        *[YES, "abc", "99999", "14.8", KEEP, "1600", KEEP, "1700", KEEP],  # both ends on one side: once more
        *[*STEERING[:-1], "wide", "nan", "0", "25"],
        *["2000", *THROTTLE[:2], KEEP, "1600", KEEP],  # nothing moves, and yet it has a full throttle: once more
        *["1530", KEEP, "1520", KEEP],  # full throttle is less than what just moves it: once more
        *["1530", KEEP, "2200", "1700", KEEP],
        *["4", "9", KEEP, *SPEEDS[:1], "1e9", "1.2", "-1", "0.5", KEEP, YES],
    ]
    with board.live(), typing(lines) as dialog:
        find(serial(board), dialog, tmp_path / "car.yaml")
    said = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert said == [
        "'abc' is no step; wanted +, -, ++, --, a whole number of us, or Enter to keep 1500",
        "99999 us is out of range; wanted 500 to 2500",
        "'14.8' is no step; wanted +, -, ++, --, a whole number of us, or Enter to keep 1500",
        "left is 1600 us and right 1700 us, but straight is 1500 us; wanted one of them on each side",
        "'wide' is no number; wanted Angle of the front wheels at that end, in degrees",
        "'nan' is out of range; wanted Angle of the front wheels at that end, in degrees, 1 to 80",
        "'0' is out of range; wanted Angle of the front wheels at that end, in degrees, 1 to 80",
        "2000 us is out of range; wanted 1350 to 1650",
        "off is 1510 us, the wheels start at 1510 us, and full throttle is 1600 us; "
        "wanted them in this order, up or down",
        "off is 1510 us, the wheels start at 1530 us, and full throttle is 1520 us; "
        "wanted them in this order, up or down",
        "2200 us is out of range; wanted 1010 to 2010",
        "9 m/s forwards is more than the 4 m/s of full throttle",
        "'1e9' is out of range; wanted Never faster forwards than, in m/s, 0.1 to 40",
        "'-1' is out of range; wanted Never faster backwards than, in m/s (0: never backwards), 0 to 10",
    ]
    found = car(root, tmp_path / "car.yaml")["actuator"]
    assert (found.steering_travel, found.throttle_travel, found.max_speed) == (280, 190, 1.2)


def test_nothing_moves_until_it_is_said_that_the_wheels_are_off_the_ground(
    board: EmulatedMicrocontroller, tmp_path: Path
) -> None:
    with board.live(), typing(["y"]) as dialog, pytest.raises(CalibrationError, match="nothing was moved"):
        find(serial(board), dialog, tmp_path / "car.yaml")
    assert not board.history


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (WHOLE[:12], "The input has ended"),
        ([*WHOLE[:-1], "no"], "It was not confirmed that the car moved as it should"),
    ],
)
def test_without_the_end_there_is_no_file_and_the_car_is_at_neutral(
    board: EmulatedMicrocontroller, tmp_path: Path, lines: list[str], message: str
) -> None:
    with board.live(), typing(lines) as dialog:
        with pytest.raises(DeviceError, match=message):
            find(serial(board), dialog, tmp_path / "car.yaml")
        time.sleep(0.1)
    assert max(throttle for _, throttle in board.history) > 1510, "it was driven"
    assert board.pulses == (1480, 1510)
    assert not (tmp_path / "car.yaml").exists()


# What goes wrong with the device.


def test_a_device_that_is_not_there_or_says_nothing_is_named(board: EmulatedMicrocontroller, tmp_path: Path) -> None:
    with typing([YES]) as dialog, pytest.raises(DeviceError, match=r"ttyNONE can't be opened"):
        find(serial(board) | {"port": str(tmp_path / "ttyNONE")}, dialog, tmp_path / "car.yaml")
    board.answers = False
    with board.live(), typing([YES]) as dialog, pytest.raises(DeviceError, match=r"has not answered for 1.0 s; has it"):
        find(serial(board), dialog, tmp_path / "car.yaml")


def test_a_device_that_is_lost_while_the_motor_runs_ends_it(chip: EmulatedPca9685, tmp_path: Path) -> None:
    class PullsThePlug(Dialog):
        def wait(self, seconds: float) -> None:
            assert not chip.neutral
            chip.there = False
            self.keep_alive()

    lines = [YES, *STEERING, KEEP, "1600"]
    with (
        typing(lines, PullsThePlug) as dialog,
        pytest.raises(DeviceError, match=r"PCA9685 at 0x40 on .* does not answer"),
    ):
        find(PCA, dialog, tmp_path / "car.yaml")
    assert not (tmp_path / "car.yaml").exists()


def test_whatever_ends_it_leaves_neutral(
    chip: EmulatedPca9685, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        assert not chip.neutral
        raise RuntimeError("a fault in the program")

    monkeypatch.setattr(Dialog, "wait", stumble)
    with typing([YES, *STEERING, KEEP, "1600"]) as dialog, pytest.raises(RuntimeError):
        find(PCA, dialog, tmp_path / "car.yaml")
    assert chip.neutral


def test_a_motor_runs_no_longer_than_a_moment(
    chip: EmulatedPca9685, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actuator_dialog, "RUN_S", 0.2)
    waited, was_off = [], []

    class Sits(Dialog):
        """One who does not leave, but types nothing more."""

        def ask(self, question: str) -> str | None:
            was_off.append(chip.neutral)
            return super().ask(question) if self._typed or self._is_typed(0) else None

        def wait(self, seconds: float) -> None:
            assert not chip.neutral
            begun = time.monotonic()
            super().wait(seconds)
            waited.append(time.monotonic() - begun)

    lines = [YES, *STEERING, KEEP, "1600"]
    with typing(lines, Sits) as dialog, pytest.raises(DeviceError, match="The input has ended"):
        find(PCA, dialog, tmp_path / "car.yaml")
    assert waited[0] >= 0.2
    assert all(was_off[2:]), "whenever it waits for an answer, the motor is off"


# As it is called.


def test_a_place_that_can_not_be_written_to_is_named_before_anything_moves(tmp_path: Path) -> None:
    for out, why in ((tmp_path / "none/car.yaml", "its folder is missing"), (tmp_path, "it is a folder")):
        result = CliRunner().invoke(app, ["actuator", "--device", "pca9685", "--out", str(out)])
        assert isinstance(result.exception, CalibrationError)
        assert why in str(result.exception)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_terminal_that_is_closed_leave_neutral(
    board: EmulatedMicrocontroller, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "convoy", "calibrate", "actuator", "--device", "serial", "--arming", "0"]
    command += ["--port", str(board.path), "--out", str(tmp_path / "car.yaml")]
    with board.live():
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdin is not None
        process.stdin.write("\n".join([YES, *STEERING, KEEP, "1600", ""]).encode())
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while not (board.pulses and board.pulses[1] == 1600):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
        time.sleep(0.1)
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert board.pulses == (1480, 1500)
    assert not (tmp_path / "car.yaml").exists()
