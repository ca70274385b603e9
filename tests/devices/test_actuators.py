"""Actuators put out what is commanded, and neutral whenever there is doubt, on every device."""

from __future__ import annotations

import math
import os
import sys
import time as wall
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.devices.emulators import Emulated, EmulatedMicrocontroller, EmulatedPca9685, EmulatedVesc

from convoy.devices.ackermann_actuator import AckermannActuator
from convoy.devices.diff_drive_actuator import DiffDriveActuator, Twist
from convoy.devices.errors import DeviceError
from convoy.devices.serial_port import SerialPort
from convoy.graph import ComponentError, Level, ParameterError, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, Header, make, message_class, time

SECOND = 1_000_000_000
STEP = SECOND // 20
START = 1_700_000_000 * SECOND

CAR = {"max_steering_angle": 0.4, "full_speed": 5.0, "max_speed": 4.0, "max_reverse_speed": 1.0, "arming": 0.5}


def command(angle: float, speed: float, stamp: int) -> Any:
    drive = make(AckermannDrive, steering_angle=angle, speed=speed)
    return make(AckermannDriveStamped, header=make(Header, stamp=time(stamp)), drive=drive)


class Rig:
    """An actuator on a bench, and the device that it moves."""

    def __init__(self, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> None:
        self.kind = kind
        self.device: Emulated
        if kind == "pca9685":
            self.device = EmulatedPca9685()
            monkeypatch.setattr("smbus2.SMBus", self.device.SMBus)
        else:
            self.device = (EmulatedVesc if kind == "vesc" else EmulatedMicrocontroller)(folder)
            parameters["port"] = str(self.device.path)
            write = SerialPort.write

            def counted(port: SerialPort, data: bytes) -> None:
                write(port, data)
                self.device.expected += len(data)

            monkeypatch.setattr(SerialPort, "write", counted)
        self.bench = Bench(AckermannActuator("actuator", CAR | {"device": kind} | parameters), START)
        self.actuator = self.bench.component
        self.actuator.configure()

    def start(self) -> Rig:
        """Activate it, until it may move."""
        self.actuator.activate()
        self.device.serve()
        self.run(12)
        return self

    def run(self, steps: int, angle: float | None = None, speed: float = 0.0) -> None:
        """Let steps of 50 ms pass, with a command in each or without."""
        for _ in range(steps):
            self.bench.pass_time(STEP)
            self.device.serve()
            if angle is not None:
                self.bench.deliver("drive", command(angle, speed, self.bench.now()))
                self.device.serve()

    @property
    def outputs(self) -> tuple[float, float]:
        """Steering pulse in us, and the throttle: its pulse, or ERPM."""
        if self.kind == "pca9685":
            return round(self.device.pulse_us(0)), round(self.device.pulse_us(1))
        if self.kind == "vesc":
            return round(1000 + 1000 * self.device.servo), self.device.motor[1]
        return self.device.pulses

    def unplug(self) -> None:
        if self.kind == "pca9685":
            self.device.there = False
        else:
            self.device.unplug()

    def plug(self) -> None:
        """Put it in again; a chip or a board has lost its power meanwhile."""
        if self.kind == "pca9685":
            self.device.there = True
            self.device.reset()
            return
        self.device.plug()
        if self.kind == "serial":
            self.device.start()
        else:
            self.device.motor = ("off", 0.0)

    def said(self) -> str:
        return self.actuator._statuses["Device"].message


Make = Callable[..., Rig]
ALL = ["pca9685", "vesc", "serial"]


@pytest.fixture(params=ALL)
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(request.param, tmp_path, monkeypatch)


@pytest.fixture
def make_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda kind, **parameters: Rig(kind, tmp_path, monkeypatch, **parameters)


FULL = {"pca9685": 1820, "vesc": 16000, "serial": 1820}
HALF = {"pca9685": 1660, "vesc": 8000, "serial": 1660}


def near(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= 3


# What is commanded.


def test_commands_become_pulses_and_speeds(rig: Rig) -> None:
    rig.start().run(3, angle=0.2, speed=2.0)
    steering, throttle = rig.outputs
    assert near(steering, 1700)
    assert near(throttle, HALF[rig.kind])
    assert not rig.device.neutral
    assert rig.said().endswith("driving")


def test_angle_and_speed_are_limited(rig: Rig) -> None:
    rig.start().run(3, angle=-9.0, speed=99.0)
    assert near(rig.outputs[0], 1100)
    assert near(rig.outputs[1], FULL[rig.kind])
    rig.run(3, angle=0.0, speed=-99.0)
    assert near(rig.outputs[1], -4000 if rig.kind == "vesc" else 1420)


def test_reversing_is_forbidden_unless_allowed(make_rig: Make) -> None:
    rig = make_rig("pca9685", max_reverse_speed=0.0).start()
    rig.run(3, angle=0.0, speed=-1.0)
    assert rig.device.neutral


def test_centre_travel_and_direction_are_parameters(make_rig: Make) -> None:
    rig = make_rig("serial", steering_centre=1450, steering_travel=300, steering_reversed=True, throttle_dead_band=50)
    rig.start()
    assert rig.outputs == (1450, 1500)
    rig.run(2, angle=0.4, speed=2.5)
    assert rig.outputs == (1150, 1500 + 50 + 175)


def test_speed_zero_is_neutral_with_the_wheels_turned(rig: Rig) -> None:
    rig.start().run(3, angle=0.4, speed=0.0)
    assert rig.device.neutral
    assert near(rig.outputs[0], 1900)


# Neutral.


def test_neutral_is_put_out_at_the_start_and_while_arming(rig: Rig) -> None:
    rig.actuator.activate()
    rig.device.serve()
    rig.run(8, angle=0.4, speed=3.0)
    assert rig.device.neutral
    assert rig.said().endswith("neutral, arming")
    rig.run(6, angle=0.4, speed=3.0)
    assert not rig.device.neutral


def test_without_a_fresh_command_it_goes_to_neutral_in_time(rig: Rig) -> None:
    rig.start().run(5, angle=0.2, speed=3.0)
    rig.run(5)
    assert not rig.device.neutral, "0.25 s"
    rig.run(1)
    assert rig.device.neutral, "0.3 s"
    assert near(rig.outputs[0], 1700), "the wheels stay as they are"
    assert rig.said().endswith("neutral, no command")


def test_it_is_told_again_and_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the device takes for a sign of life: commands, neutral ones too."""
    rig.start()
    written: list[tuple[float, float]] = []
    driver = rig.actuator.driver
    monkeypatch.setattr(driver, "write", lambda *values: written.append(values))
    rig.bench.pass_time(SECOND // 2 - STEP)
    assert written == [(0.0, 0.0)] * 9


@pytest.mark.parametrize("bad", [(math.nan, 1.0), (0.1, math.inf), (0.1, -math.inf)])
def test_a_command_that_is_not_finite_means_neutral_at_once(rig: Rig, bad: tuple[float, float]) -> None:
    rig.start().run(5, angle=0.2, speed=3.0)
    rig.bench.deliver("drive", command(*bad, rig.bench.now()))
    rig.device.serve()
    assert rig.device.neutral
    rig.run(2, angle=0.2, speed=3.0)
    assert not rig.device.neutral


def test_late_commands_are_dropped(rig: Rig) -> None:
    rig.start()
    for _ in range(10):
        rig.run(1)
        rig.bench.deliver("drive", command(0.2, 3.0, rig.bench.now() - SECOND))
    assert rig.device.neutral


def test_deactivation_and_shutdown_leave_neutral(rig: Rig) -> None:
    for step in ("deactivate", "shutdown"):
        rig.start().run(3, angle=0.2, speed=3.0)
        assert not rig.device.neutral
        getattr(rig.actuator, step)()
        rig.device.serve()
        assert rig.device.neutral


def test_a_clock_that_jumps_back_means_neutral_until_there_is_a_command(rig: Rig) -> None:
    rig.start().run(3, angle=0.2, speed=3.0)
    rig.bench.jump(START - 1000 * SECOND)
    rig.run(1)
    assert rig.device.neutral


def test_a_fault_of_the_program_ends_in_neutral(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.start().run(3, angle=0.2, speed=3.0)
    monkeypatch.setattr(rig.actuator, "move", lambda *_: 1 / 0)
    rig.run(7, angle=0.2, speed=3.0)
    assert rig.device.neutral
    assert "ZeroDivisionError" in rig.bench.reported("Errors", Level.ERROR)[0]


# Devices that go, hang and talk nonsense.


def test_unplugged_and_put_in_again_it_drives_on_only_after_neutral(rig: Rig) -> None:
    rig.start().run(3, angle=0.2, speed=3.0)
    rig.unplug()
    rig.run(10, angle=0.2, speed=3.0)
    assert rig.actuator.driver is None
    assert rig.bench.reported("Device", Level.ERROR)
    rig.plug()
    history = []
    for _ in range(60):
        rig.run(1, angle=0.2, speed=3.0)
        if rig.actuator.driver is not None:
            history.append(rig.device.neutral)
    assert history[:10] == [True] * 10, "half a second of arming"
    assert not history[-1]
    assert rig.said().endswith("driving")


def test_a_device_that_is_not_there_at_the_start_is_looked_for(rig: Rig) -> None:
    rig.unplug()
    rig.actuator.activate()
    rig.run(40, angle=0.2, speed=1.0)
    (said, *_) = rig.bench.reported("Device", Level.ERROR)
    assert {"pca9685": "/dev/i2c-1", "vesc": "ttyFAKE0", "serial": "ttyFAKE0"}[rig.kind] in said
    rig.plug()
    rig.run(80, angle=0.2, speed=1.0)
    assert not rig.device.neutral


@pytest.mark.parametrize("kind", ["vesc", "serial"])
def test_a_device_that_falls_silent_is_left_at_neutral_and_opened_anew(make_rig: Make, kind: str) -> None:
    rig = make_rig(kind).start()
    rig.run(3, angle=0.2, speed=3.0)
    rig.device.answers = False
    opened = rig.actuator.driver
    rig.run(11, angle=0.2, speed=3.0)
    assert "has not answered for 0.5 s" in " ".join(rig.bench.reported("Device", Level.ERROR))
    rig.device.serve()
    assert rig.device.neutral
    rig.device.answers = True
    rig.run(30, angle=0.2, speed=3.0)
    assert rig.actuator.driver not in (None, opened)
    assert not rig.device.neutral


@pytest.mark.parametrize("kind", ["vesc", "serial"])
def test_garbage_between_answers_is_driven_through_and_counted(make_rig: Make, kind: str) -> None:
    rig = make_rig(kind).start()
    for _ in range(20):
        rig.device.send(os.urandom(5).replace(b"\x02", b"\x00").replace(b"\x03", b"\x00") + b"\n")
        rig.run(1, angle=0.2, speed=2.0)
    rig.run(1)
    assert not rig.device.neutral
    (counted,) = [value for name, value in rig.actuator._statuses["Device"].values.items() if "garbage" in name]
    assert int(counted) >= 20


@pytest.mark.parametrize("kind", ["vesc", "serial"])
def test_a_device_that_answers_nothing_but_garbage_is_left_at_neutral(make_rig: Make, kind: str) -> None:
    rig = make_rig(kind).start()
    rig.run(3, angle=0.2, speed=3.0)
    rig.device.answers = False
    for _ in range(11):
        rig.device.send(b"\x02\xff\x00garbage\x03\x03")
        rig.run(1, angle=0.2, speed=3.0)
    rig.device.serve()
    assert rig.device.neutral
    assert rig.actuator.driver is None


def test_a_device_that_takes_no_bytes_does_not_hang_the_component(make_rig: Make) -> None:
    rig = make_rig("vesc").start()
    rig.run(1, angle=0.2, speed=3.0)
    begun = wall.monotonic()
    for _ in range(400):  # nobody reads: what a terminal buffers is full at some time
        rig.bench.pass_time(STEP)
        rig.bench.deliver("drive", command(0.2, 3.0, rig.bench.now()))
        if rig.bench.reported("Device", Level.ERROR):
            break
    assert rig.bench.reported("Device", Level.ERROR)
    assert wall.monotonic() - begun < 10.0


def test_half_a_command_is_followed_by_a_whole_one(tmp_path: Path) -> None:
    """A write that fails half-way leaves a cut frame; the device's parser resumes with the next, as the firmware's."""
    from convoy.devices.vesc import FrameReader, set_brake_current, set_rpm

    found = list(FrameReader().feed(set_rpm(9000)[:6] + set_brake_current(5.0)))
    assert found == [set_brake_current(5.0)[2:-3]]


def test_a_chip_that_was_without_power_is_set_up_anew(make_rig: Make) -> None:
    rig = make_rig("pca9685").start()
    rig.run(3, angle=0.2, speed=3.0)
    rig.device.reset()
    assert rig.outputs == (0, 0)
    rig.run(1, angle=0.2, speed=3.0)
    assert "has been reset: MODE1 is 0x11" in rig.said()
    rig.run(6, angle=0.2, speed=3.0)
    assert rig.device.neutral
    rig.run(20, angle=0.2, speed=3.0)
    assert near(rig.outputs[1], 1740)


def test_a_board_that_starts_anew_gets_its_neutral_pulses_first(make_rig: Make) -> None:
    rig = make_rig("serial").start()
    rig.run(3, angle=0.2, speed=3.0)
    rig.device.start()
    rig.device.send(b"$R*52\r\n")
    rig.run(6, angle=0.2, speed=3.0)
    assert rig.outputs in ((1500, 1500), (1700, 1500))
    rig.run(30, angle=0.2, speed=3.0)
    assert rig.outputs == (1700, 1740)


def test_a_vescs_own_words_are_on_diagnostics(make_rig: Make) -> None:
    rig = make_rig("vesc").start()
    rig.run(3, angle=0.2, speed=1.0)
    said = rig.actuator._statuses["Device"]
    assert (said.values["firmware"], said.values["input (V)"], said.values["erpm"]) == ("6.05", "11.8", "4000")
    assert said.level == Level.OK
    rig.device.fault = 2
    rig.run(2, angle=0.2, speed=1.0)
    assert rig.said().endswith("reports a fault: under-voltage")
    assert rig.bench.reported("Device", Level.WARN)


# What a user gets wrong.


def test_a_port_that_another_process_has_is_refused(tmp_path: Path) -> None:
    device = EmulatedMicrocontroller(tmp_path)
    port = SerialPort(str(device.path), 115200)
    with pytest.raises(DeviceError, match="can't be opened"):
        SerialPort(str(device.path), 115200)
    port.close()


@pytest.mark.parametrize(("device", "package"), [("pca9685", "smbus2"), ("vesc", "serial"), ("serial", "serial")])
def test_a_missing_library_is_named(device: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    actuator = Bench(AckermannActuator("actuator", {"device": device})).component
    actuator.configure()
    wanted = {"serial": "pyserial"}.get(package, package)
    with pytest.raises(ComponentError, match=rf"needs the Python package {wanted}: pip install 'convoy\[devices\]'"):
        actuator.activate()


def test_parameters_are_checked_and_those_of_the_device_need_a_new_start(rig: Rig) -> None:
    with pytest.raises(ParameterError, match="two different numbers"):
        AckermannActuator("actuator", {"outputs": [0, 0]})
    rig.start()
    rig.actuator.set_parameters({"max_speed": 1.0})
    rig.run(3, angle=0.0, speed=3.0)
    assert near(rig.outputs[1], 4000 if rig.kind == "vesc" else 1580)
    with pytest.raises(DeviceError, match="'steering_centre' is read when"):
        rig.actuator.set_parameters({"steering_centre": 1400})


# Two wheels.


def twist(speed: float, turn: float) -> Any:
    vector = message_class("geometry_msgs/msg/Vector3")
    return make(Twist, linear=make(vector, x=speed), angular=make(vector, z=turn))


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[float, float]]:
    chip = EmulatedPca9685()
    monkeypatch.setattr("smbus2.SMBus", chip.SMBus)
    given = {"wheel_separation": 0.5, "full_speed": 1.0, "max_speed": 1.0, "max_turn": 4.0, "arming": 0.0}
    bench = Bench(DiffDriveActuator("robot", given), START)
    bench.component.configure()
    bench.component.activate()
    bench.pass_time(STEP)

    def drive(speed: float, turn: float, wait: int = 0) -> tuple[float, float]:
        bench.deliver("cmd_vel", twist(speed, turn))
        bench.pass_time(wait)
        return chip.pulse_us(0), chip.pulse_us(1)

    return drive


def test_a_twist_becomes_two_wheels(robot: Callable[..., tuple[float, float]]) -> None:
    assert robot(0.5, 0.0) == pytest.approx((1700, 1700), abs=3)
    assert robot(0.0, 2.0) == pytest.approx((1300, 1700), abs=3), "turning left, the right wheel goes forwards"
    assert robot(1.0, 4.0) == pytest.approx((1500, 1900), abs=3), "what is too fast is done slower, on the same curve"


def test_two_wheels_go_to_neutral(robot: Callable[..., tuple[float, float]]) -> None:
    assert robot(0.5, 1.0, wait=6 * STEP) == pytest.approx((1500, 1500), abs=3)
    robot(0.5, 0.0)
    assert robot(math.nan, 0.0) == pytest.approx((1500, 1500), abs=3)


# The contract.


def test_they_keep_to_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smbus2.SMBus", lambda bus: EmulatedPca9685())
    check_component(AckermannActuator, {}, {"drive": [command(0.1, 1.0, 0)] * 40})
    check_component(DiffDriveActuator, {}, {"cmd_vel": [twist(0.1, 0.2)] * 40})
