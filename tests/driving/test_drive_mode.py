"""Who drives: a person takes over at any time, and without a person nothing moves that needs one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from convoy.driving.drive_mode import DriveMode
from convoy.graph import Level, ParameterError, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.messages import (
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    Empty,
    Header,
    String,
    make,
    nanoseconds,
    time,
)

SECOND = 1_000_000_000
MS = 1_000_000
START = 1_700_000_000 * SECOND
STEP = SECOND // 20
REST = (0.0, 0.0)


def command(angle: float, speed: float, stamp: int) -> Any:
    drive = make(AckermannDrive, steering_angle=angle, speed=speed)
    return make(AckermannDriveStamped, header=make(Header, stamp=time(stamp)), drive=drive)


class Car:
    """A drive mode on a bench: policy, stick and page send at 20 Hz what they are set to, or nothing."""

    def __init__(self, mode: str = "stopped", **parameters: Any) -> None:
        self.bench = Bench(DriveMode("drive_mode", {"mode": mode, **parameters}), START)
        self.drive_mode = self.bench.component
        self.drive_mode.configure()
        self.drive_mode.activate()
        self.policy: tuple[float, float] | None = (0.1, 5.0)
        self.joystick: tuple[float, float] | None = REST
        self.console: tuple[float, float] | None = REST
        self.heartbeat = True
        self.run(2)

    def run(self, steps: int = 1) -> tuple[float, float]:
        """Let steps of 50 ms pass; returns angle and speed of the last command, to one hundredth."""
        for _ in range(steps):
            self.bench.pass_time(STEP)
            if self.heartbeat:
                self.bench.deliver("heartbeat", make(Header, stamp=time(self.bench.now())))
            for source in ("console", "joystick", "policy"):
                if wanted := getattr(self, source):
                    self.send(source, *wanted)
        return self.last()

    def send(self, source: str, angle: float, speed: float, *, late: int = 0) -> None:
        self.bench.deliver(source, command(angle, speed, self.bench.now() - late))

    def request(self, mode: str) -> None:
        self.bench.deliver("mode_request", make(String, data=mode))

    def emergency_stop(self) -> None:
        self.bench.deliver("emergency_stop", make(Bool, data=True))

    def last(self) -> tuple[float, float]:
        drive = self.bench.results("command")[-1].drive
        return round(drive.steering_angle, 2), round(drive.speed, 2)

    @property
    def mode(self) -> str:
        return str(self.bench.results("mode")[-1].data)

    def said(self) -> str:
        return self.drive_mode._statuses["Mode"].message


# The modes.


def test_it_starts_stopped_and_says_so() -> None:
    car = Car()
    assert (car.mode, car.run()) == ("stopped", REST)
    assert car.drive_mode.outputs["mode"].qos.durability == "transient_local"


def test_autonomous_passes_on_the_policys_commands_with_their_stamps() -> None:
    car = Car("autonomous")
    stamp = car.bench.now() + 7 * MS
    car.bench.deliver("policy", command(0.25, 3.0, stamp))
    sent = car.bench.results("command")[-1]
    assert (sent.drive.steering_angle, sent.drive.speed, nanoseconds(sent.header.stamp)) == (0.25, 3.0, stamp)


def test_autonomous_needs_no_person() -> None:
    car = Car("autonomous")
    car.joystick = car.console = None
    car.heartbeat = False
    assert car.run(40) == (0.1, 5.0)


@pytest.mark.parametrize("source", ["joystick", "console"])
def test_manual_passes_on_the_persons_commands_and_none_of_the_policy(source: str) -> None:
    car = Car("manual")
    setattr(car, source, (-0.2, 1.0))
    car.run()
    before = len(car.bench.results("command"))
    assert car.run(10) == (-0.2, 1.0)
    assert {(round(m.drive.steering_angle, 2), m.drive.speed) for m in car.bench.results("command")[before:]} == {
        (-0.2, 1.0)
    }
    assert car.said() == f"manual: by {source}"


def test_in_assisted_mode_the_policy_steers_at_the_persons_speed() -> None:
    car = Car("assisted")
    assert car.run() == (0.0, 0.0), "nobody has the throttle yet"
    car.console = (0.0, 2.0)
    assert car.run() == (0.1, 2.0)
    assert car.mode == "assisted"


def test_in_assisted_mode_letting_go_stops_before_the_policys_next_command() -> None:
    car = Car("assisted")
    car.joystick = (0.0, 2.0)
    car.run()
    car.bench.pass_time(STEP // 2)
    car.send("joystick", 0.0, 0.0)
    assert car.last() == (0.1, 0.0)


def test_stopped_listens_to_nobody() -> None:
    car = Car()
    car.joystick = car.console = (0.3, 2.0)
    assert car.run(5) == REST
    assert car.mode == "stopped"


def test_modes_change_on_request() -> None:
    car = Car()
    for mode in ("autonomous", "assisted", "manual", "stopped"):
        car.request(mode)
        assert car.mode == mode
    assert car.last() == (0.0, 0.0)


def test_a_mode_that_there_is_not_is_refused_and_changes_nothing() -> None:
    car = Car("autonomous")
    car.request("automatic")
    assert "mode 'automatic' was asked for; wanted one of stopped, manual" in car.bench.reported("Errors")[-1]
    assert (car.mode, car.run()) == ("autonomous", (0.1, 5.0))
    with pytest.raises(ParameterError, match="mode"):
        DriveMode("drive_mode", {"mode": "automatic"})


# Taking over.


@pytest.mark.parametrize("source", ["joystick", "console"])
@pytest.mark.parametrize("wanted", [(0.1, 0.0), (-0.1, 0.0), (0.0, 1.0), (0.0, -1.0)])
def test_any_input_takes_over_at_once(source: str, wanted: tuple[float, float]) -> None:
    car = Car("autonomous")
    car.bench.pass_time(STEP // 2)
    car.send(source, *wanted)
    assert (car.mode, car.last()) == ("manual", wanted)


def test_what_is_within_the_dead_bands_is_no_input() -> None:
    car = Car("autonomous", steering_dead_band=0.05, speed_dead_band=0.2)
    car.joystick = (0.04, -0.15)
    assert (car.run(5), car.mode) == ((0.1, 5.0), "autonomous")


def test_in_assisted_mode_steering_takes_over_and_throttle_does_not() -> None:
    car = Car("assisted")
    car.joystick = (0.0, 2.0)
    car.run(3)
    assert car.mode == "assisted"
    car.joystick = (0.2, 2.0)
    assert (car.run(), car.mode) == ((0.2, 2.0), "manual")


def test_a_throttle_that_is_still_held_at_the_hand_over_does_not_take_over() -> None:
    car = Car("manual")
    car.console = (0.2, 2.0)
    car.run(3)
    car.request("autonomous")
    assert car.run(3) == (0.1, 5.0)
    car.console = (0.1, 1.0)
    car.run(3)
    car.console = REST
    assert (car.run(3), car.mode) == ((0.1, 5.0), "autonomous"), "letting go is no input"
    car.console = (0.0, 0.5)
    assert (car.run(), car.mode) == ((0.0, 0.5), "manual"), "pressing again is"


def test_pressing_further_than_what_was_held_at_the_hand_over_takes_over() -> None:
    car = Car("manual")
    car.console = (0.0, 1.0)
    car.run(2)
    car.request("autonomous")
    car.run(2)
    car.console = (0.0, 1.5)
    assert (car.run(), car.mode) == ((0.0, 1.5), "manual")


def test_between_stick_and_page_the_last_input_wins() -> None:
    car = Car("manual")
    car.console = (0.0, 2.0)
    car.run(2)
    car.joystick = (0.3, 0.5)
    assert car.run(5) == (0.3, 0.5), "the page still holds its throttle, which is no new input"
    car.console = REST
    car.run()
    car.console = (0.0, 1.0)
    assert car.run() == (0.0, 1.0)


def test_after_a_request_for_manual_the_vehicle_stands_until_there_is_input() -> None:
    car = Car("autonomous")
    car.request("manual")
    assert car.run(4) == (0.1, 0.0)
    assert car.said() == "manual: no input yet; stopped until there is input"


# The operator's link.


@pytest.mark.parametrize("mode", ["manual", "assisted"])
@pytest.mark.parametrize("source", ["joystick", "console"])
@pytest.mark.parametrize("after", range(0, 50, 10))
def test_a_person_who_is_lost_stops_the_vehicle_in_time(mode: str, source: str, after: int) -> None:
    car = Car(mode)
    setattr(car, source, (0.0, 2.0))
    car.run(4)
    car.bench.pass_time(after * MS)
    car.send(source, 0.0, 2.0)
    setattr(car, source, None)
    car.bench.pass_time(150 * MS)
    assert car.last()[1] == 2.0, "a few lost messages do not stop it"
    car.bench.pass_time(100 * MS)
    assert car.last()[1] == 0.0
    assert "is silent; stopped until there is input" in car.said()
    assert car.run(20)[1] == 0.0, "whatever the policy wants"


@pytest.mark.parametrize("source", ["joystick", "console"])
def test_a_person_who_is_lost_means_a_stop_at_once_but_one_who_lets_go_or_asks_does_not(source: str) -> None:
    car = Car("manual")
    setattr(car, source, (0.0, 2.0))
    car.run(4)
    setattr(car, source, REST)
    car.run(2)
    setattr(car, source, (0.0, 2.0))
    car.run(2)
    car.request("stopped")
    car.run(2)
    car.request("manual")
    car.run(2)
    setattr(car, source, (0.0, 0.5))
    car.run(1)
    setattr(car, source, (0.0, 2.0))
    car.run(2)
    assert not car.bench.results("stop")
    setattr(car, source, None)
    car.run(20)
    assert len(car.bench.results("stop")) == 1


def test_the_page_does_not_drive_without_its_heartbeat() -> None:
    car = Car("manual")
    car.console = (0.0, 2.0)
    assert car.run(3) == (0.0, 2.0)
    car.heartbeat = False
    assert car.run(5) == (0.0, 0.0)
    assert "the page's heartbeat is silent" in car.said()
    car.joystick = (0.0, 1.0)
    assert car.run() == (0.0, 1.0), "the stick does"


def test_old_heartbeats_keep_nothing_going() -> None:
    car = Car("manual")
    car.console = (0.0, 2.0)
    car.run(3)
    car.heartbeat, old = False, car.bench.now()
    for _ in range(6):
        car.bench.deliver("heartbeat", make(Header, stamp=time(old)))
        car.run()
    assert car.last() == (0.0, 0.0)


@pytest.mark.parametrize("source", ["joystick", "console"])
def test_one_who_comes_back_with_the_throttle_held_has_to_let_go_first(source: str) -> None:
    car = Car("manual")
    setattr(car, source, (0.0, 2.0))
    car.run(3)
    setattr(car, source, None)
    car.run(10)
    setattr(car, source, (0.0, 2.0))
    assert car.run(10) == (0.0, 0.0)
    setattr(car, source, REST)
    car.run(2)
    setattr(car, source, (0.0, 2.0))
    assert car.run() == (0.0, 2.0)
    assert car.said() == f"manual: by {source}"


def test_a_lost_person_who_did_not_drive_stops_nothing() -> None:
    car = Car("manual")
    car.joystick = (0.0, 2.0)
    car.run(2)
    car.console, car.heartbeat = None, False
    assert car.run(20) == (0.0, 2.0)


# What is dropped.


@pytest.mark.parametrize("source", ["policy", "joystick", "console"])
@pytest.mark.parametrize("bad", [(math.nan, 1.0), (0.3, math.inf)])
def test_commands_that_are_not_finite_are_dropped(source: str, bad: tuple[float, float]) -> None:
    car = Car("autonomous")
    car.bench.pass_time(STEP // 2)
    before = len(car.bench.results("command"))
    car.send(source, *bad)
    assert (len(car.bench.results("command")), car.mode) == (before, "autonomous")


@pytest.mark.parametrize(("source", "late"), [("policy", 600), ("joystick", 300), ("console", 300), ("console", -300)])
def test_commands_that_come_too_late_or_from_the_future_are_dropped(source: str, late: int) -> None:
    car = Car("autonomous")
    car.run(20)
    before = len(car.bench.results("command"))
    car.send(source, 0.3, 1.0, late=late * MS)
    assert (len(car.bench.results("command")), car.mode) == (before, "autonomous")


def test_a_command_that_is_repeated_is_dropped_and_keeps_no_link() -> None:
    car = Car("manual")
    car.joystick = (0.0, 2.0)
    car.run(2)
    car.joystick, again = None, command(0.0, 2.0, car.bench.now())
    for _ in range(6):
        car.bench.deliver("joystick", again)
        car.run()
    assert car.last() == (0.0, 0.0)


def test_a_backlog_does_not_count_as_a_person() -> None:
    """A link that stalls and then delivers what it held back."""
    car = Car("manual")
    car.joystick = (0.0, 2.0)
    car.run(2)
    car.joystick, stalled = None, car.bench.now()
    car.run(10)
    for step in range(1, 9):
        car.bench.deliver("joystick", command(0.0, 2.0, stalled + step * STEP))
        assert car.last() == (0.0, 0.0)


# Emergency stop, clock, contract.


def test_the_emergency_stop_ends_every_mode_and_a_release_sets_nothing_going() -> None:
    car = Car("autonomous")
    car.emergency_stop()
    assert (car.mode, car.last()) == ("stopped", (0.1, 0.0))
    car.request("autonomous")
    assert "release it first" in car.bench.reported("Errors", Level.ERROR)[-1]
    car.bench.deliver("release_emergency_stop", make(Empty))
    assert (car.mode, car.run(5)) == ("stopped", (0.1, 0.0))
    car.request("autonomous")
    assert car.run() == (0.1, 5.0)


def test_the_emergency_stop_outlives_a_new_activation() -> None:
    car = Car("autonomous")
    car.emergency_stop()
    car.drive_mode.deactivate()
    car.drive_mode.activate()
    assert car.mode == "stopped"


def test_deactivation_stops() -> None:
    car = Car("autonomous")
    car.drive_mode.deactivate()
    assert car.last() == (0.1, 0.0)


def test_a_clock_that_jumps_back_keeps_the_mode_and_stops_a_persons_vehicle() -> None:
    car = Car("manual")
    car.joystick = (0.0, 2.0)
    car.run(3)
    car.bench.jump(START - 100 * SECOND)
    assert (car.run(), car.mode) == ((0.0, 0.0), "manual")
    car.joystick = REST
    car.run()
    car.joystick = (0.0, 1.0)
    assert car.run() == (0.0, 1.0)


@pytest.mark.parametrize("mode", ["stopped", "manual", "assisted", "autonomous"])
def test_it_keeps_to_the_contract(mode: str) -> None:
    people = [command(0.0, 0.0, 0)] + [command(0.1 * turn, 1.0, 0) for turn in range(4)]
    check_component(DriveMode, {"mode": mode}, {"joystick": people, "mode_request": [make(String, data="manual")]})
