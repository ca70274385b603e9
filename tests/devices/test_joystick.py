"""A gamepad's events become commands, and its absence silence."""

from __future__ import annotations

import errno
import os
import struct
import sys
from pathlib import Path
from typing import Any

import evdev
import pytest
from evdev import AbsInfo, ecodes
from evdev.eventio import EventIO

from convoy.devices.joystick import PERIOD_S, Joystick
from convoy.graph import ComponentError, Level, check_component
from convoy.graph.bench import Bench

SECOND = 1_000_000_000
TICK = round(PERIOD_S * SECOND)
STICK = AbsInfo(0, -32768, 32767, 16, 128, 0)
TRIGGER = AbsInfo(0, 0, 255, 0, 0, 0)
AXES = {ecodes.ABS_X: STICK, ecodes.ABS_RY: STICK, ecodes.ABS_Z: TRIGGER, ecodes.ABS_RZ: TRIGGER}


class FakeDevice(EventIO):
    """An input device whose events are bytes of ``struct input_event`` in a pipe, read by evdev itself."""

    def __init__(self, path: str = "/dev/input/event7") -> None:
        self.path, self.name = path, "Emulated pad"
        self.fd, self._end = os.pipe()
        os.set_blocking(self.fd, False)
        self.values = dict.fromkeys(AXES, 0)
        self.keys: list[int] = []
        self.gone = False

    def capabilities(self) -> dict[int, Any]:
        return {ecodes.EV_KEY: [ecodes.BTN_EAST], ecodes.EV_ABS: list(AXES.items())}

    def absinfo(self, code: int) -> AbsInfo:
        return AXES[code]._replace(value=self.values[code])

    def active_keys(self) -> list[int]:
        return self.keys

    def read(self) -> Any:
        if self.gone:
            raise OSError(errno.ENODEV, "No such device")
        return super().read()

    def close(self) -> None:
        os.close(self.fd)

    def send(self, *events: tuple[int, int, int]) -> None:
        for type_, code, value in (*events, (ecodes.EV_SYN, ecodes.SYN_REPORT, 0)):
            os.write(self._end, struct.pack("llHHi", 12, 34, type_, code, value))

    def move(self, code: int, value: int) -> None:
        self.values[code] = value
        self.send((ecodes.EV_ABS, code, value))

    def press(self, code: int, value: int = 1) -> None:
        self.keys = [code] if value else []
        self.send((ecodes.EV_KEY, code, value))


class Hands:
    """A joystick on a bench, and the device."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> None:
        self.device: FakeDevice | None = FakeDevice()
        monkeypatch.setattr(evdev, "list_devices", lambda: [self.device.path] if self.device else [])
        monkeypatch.setattr(evdev, "InputDevice", self.open)
        given = {"max_steering_angle": 0.5, "max_speed": 2.0, "max_reverse_speed": 1.0, "dead_band": 0.1}
        self.bench = Bench(Joystick("joystick", given | parameters), 1_700_000_000 * SECOND)
        self.bench.component.configure()
        self.bench.component.activate()

    def open(self, path: str) -> FakeDevice:
        if self.device is None or path != self.device.path:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return self.device

    @property
    def pad(self) -> FakeDevice:
        assert self.device is not None
        return self.device

    def wanted(self) -> tuple[float, float]:
        self.bench.pass_time(TICK)
        drive = self.bench.results("drive")[-1].drive
        return round(drive.steering_angle, 2), round(drive.speed, 2)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


def test_at_rest_it_keeps_saying_so(hands: Hands) -> None:
    hands.bench.pass_time(SECOND)
    assert len(hands.bench.results("drive")) == 50
    assert str(hands.wanted()) == "(0.0, 0.0)"


def test_left_is_a_positive_angle_and_up_is_forwards(hands: Hands) -> None:
    hands.pad.move(ecodes.ABS_X, -32768)
    hands.pad.move(ecodes.ABS_RY, -32768)
    assert hands.wanted() == (0.5, 2.0)
    hands.pad.move(ecodes.ABS_X, 32767)
    hands.pad.move(ecodes.ABS_RY, 32767)
    assert hands.wanted() == (-0.5, -1.0)


def test_what_is_near_the_rest_is_rest_and_beyond_it_begins_at_zero(hands: Hands) -> None:
    hands.pad.move(ecodes.ABS_X, -3200)
    assert hands.wanted()[0] == 0.0
    hands.pad.move(ecodes.ABS_X, -3500)
    assert 0.0 <= hands.wanted()[0] < 0.01
    hands.pad.move(ecodes.ABS_X, -18022)  # half-way from the dead band to the end
    assert hands.wanted()[0] == 0.25


def test_directions_can_be_turned_round(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands(monkeypatch, steering_reversed=True, throttle_reversed=True)
    hands.pad.move(ecodes.ABS_X, -32768)
    hands.pad.move(ecodes.ABS_RY, -32768)
    assert hands.wanted() == (-0.5, -1.0)


def test_triggers_go_forwards_and_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands(monkeypatch, throttle_axis="ABS_RZ", reverse_axis="ABS_Z")
    assert hands.wanted() == (0.0, 0.0), "they rest at their end"
    hands.pad.move(ecodes.ABS_RZ, 255)
    assert hands.wanted() == (0.0, 2.0)
    hands.pad.move(ecodes.ABS_Z, 255)
    assert hands.wanted() == (0.0, 0.0)


def test_a_stick_that_is_held_when_it_is_found_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands(monkeypatch)
    hands.pad.move(ecodes.ABS_X, -32768)
    hands.bench.component.deactivate()
    hands.device = FakeDevice()
    hands.device.values[ecodes.ABS_X] = -32768
    hands.bench.component.activate()
    assert hands.wanted()[0] == 0.5


def test_events_that_were_lost_are_made_up_for(hands: Hands) -> None:
    hands.pad.values[ecodes.ABS_X] = 32767
    hands.pad.keys = [ecodes.BTN_EAST]
    hands.pad.send((ecodes.EV_SYN, ecodes.SYN_DROPPED, 0))
    assert hands.wanted()[0] == -0.5
    assert [message.data for message in hands.bench.results("emergency_stop")] == [True]


def test_buttons_stop_and_ask_for_modes(hands: Hands) -> None:
    hands.pad.press(ecodes.BTN_EAST)
    hands.bench.pass_time(TICK)
    assert [message.data for message in hands.bench.results("emergency_stop")] == [True]
    for button in (ecodes.BTN_START, ecodes.BTN_SELECT):
        hands.pad.press(button)
        hands.pad.press(button, 0)
    hands.bench.pass_time(TICK)
    assert [message.data for message in hands.bench.results("mode_request")] == ["autonomous", "manual"]


def test_a_release_takes_two_seconds_of_holding(hands: Hands) -> None:
    hands.pad.press(ecodes.BTN_NORTH)
    hands.bench.pass_time(19 * SECOND // 10)
    hands.pad.press(ecodes.BTN_NORTH, 0)
    hands.bench.pass_time(SECOND)
    assert not hands.bench.results("release_emergency_stop")
    hands.pad.press(ecodes.BTN_NORTH)
    hands.bench.pass_time(5 * SECOND)
    assert len(hands.bench.results("release_emergency_stop")) == 1


def test_pulled_out_it_is_silent_and_put_in_again_it_speaks(hands: Hands) -> None:
    hands.pad.move(ecodes.ABS_RY, -32768)
    hands.bench.pass_time(TICK)
    hands.pad.gone = True
    before = len(hands.bench.results("drive"))
    hands.device = None
    hands.bench.pass_time(3 * SECOND)
    assert len(hands.bench.results("drive")) == before
    assert "Emulated pad at /dev/input/event7 is gone: No such device" in hands.bench.reported("Device", Level.ERROR)[0]
    hands.device = FakeDevice()
    hands.bench.pass_time(SECOND)
    assert hands.wanted() == (0.0, 0.0)
    assert hands.bench.component._statuses["Device"].level == Level.OK


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"device": "/dev/input/event99"}, "/dev/input/event99 can't be opened: No such file"),
        ({"device": "/dev/input/event7", "throttle_axis": "ABS_GAS"}, "has no axis ABS_GAS; it has ABS_X, ABS_RY"),
        ({"throttle_axis": "ABS_GAS"}, "No gamepad with the axes ABS_X, ABS_GAS is plugged in"),
    ],
)
def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], said: str) -> None:
    hands = Hands(monkeypatch, **parameters)
    assert said in hands.bench.reported("Device", Level.ERROR)[0]
    hands.bench.pass_time(SECOND)
    assert not hands.bench.results("drive")


def test_a_name_that_there_is_not_is_refused() -> None:
    with pytest.raises(ComponentError, match=r"no axis or button 'ABS_RU'; nearest first: ABS_RX"):
        Bench(Joystick("joystick", {"throttle_axis": "ABS_RU"})).component.configure()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(ComponentError, match=r"needs the Python package evdev: pip install 'convoy\[devices\]'"):
        Bench(Joystick("joystick")).component.configure()


def test_it_keeps_to_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evdev, "list_devices", lambda: ["/dev/input/event7"])
    monkeypatch.setattr(evdev, "InputDevice", FakeDevice)
    check_component(Joystick)


@pytest.mark.skipif(not Path("/dev/uinput").exists(), reason="the kernel offers no uinput here")
def test_a_device_of_the_kernel_itself() -> None:
    import time

    events = {
        ecodes.EV_KEY: [ecodes.BTN_EAST, ecodes.BTN_NORTH, ecodes.BTN_START, ecodes.BTN_SELECT],
        ecodes.EV_ABS: [(ecodes.ABS_X, STICK), (ecodes.ABS_RY, STICK)],
    }
    with evdev.UInput(events, name="convoy test pad") as pad:
        bench = Bench(Joystick("joystick", {"device": pad.device.path}))
        bench.component.configure()
        bench.component.activate()
        pad.write(ecodes.EV_ABS, ecodes.ABS_RY, -32768)
        pad.syn()
        time.sleep(0.2)
        bench.pass_time(TICK)
        assert bench.results("drive")[-1].drive.speed == 1.5
        bench.component.deactivate()
