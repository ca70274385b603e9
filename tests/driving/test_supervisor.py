"""The supervisor: what it lets through, what it limits, and that the vehicle always stops in time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from convoy.driving.supervisor import WATCH_PERIOD_S, Supervisor
from convoy.graph import Level, ParameterError, check_component
from convoy.graph.bench import Bench
from convoy.hosts.in_process import InProcess, Published
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import (
    AckermannDrive,
    AckermannDriveStamped,
    Bool,
    Empty,
    Header,
    make,
    nanoseconds,
    time,
    type_name,
)

SECOND = 1_000_000_000
MS = 1_000_000
START = 1_700_000_000 * SECOND
FRAME = SECOND // 20


def command(angle: float, speed: float, stamp: int) -> Any:
    header = make(Header, stamp=time(stamp), frame_id="camera_optical")
    return make(AckermannDriveStamped, header=header, drive=make(AckermannDrive, steering_angle=angle, speed=speed))


def picture(stamp: int) -> Any:
    return encode(np.zeros((2, 2), np.uint8), "mono8", make(Header, stamp=time(stamp)))


class Road:
    """A supervisor on a bench; images and commands come as they are told to."""

    def __init__(self, **parameters: Any) -> None:
        self.bench = Bench(Supervisor("supervisor", parameters), START)
        self.supervisor = self.bench.component
        self.supervisor.configure()
        self.supervisor.activate()

    def command(self, angle: float, speed: float, *, late: int = 0) -> tuple[float, float]:
        """Send a command, stamped as long ago as told; returns angle and speed of what is driven."""
        before = len(self.driven)
        self.bench.deliver("command", command(angle, speed, self.bench.now() - late))
        return self.driven[-1][1:] if len(self.driven) > before else (math.nan, math.nan)

    def image(self) -> None:
        self.bench.deliver("image", picture(self.bench.now()))

    def drive(self, angle: float, speed: float, frames: int = 1) -> list[tuple[float, float]]:
        """Drive at 20 Hz, an image before each command."""
        found = []
        for _ in range(frames):
            self.bench.pass_time(FRAME)
            self.image()
            found.append(self.command(angle, speed))
        return found

    def stop(self, pressed: bool = True) -> None:
        self.bench.deliver("emergency_stop", make(Bool, data=pressed))

    def release(self) -> None:
        self.bench.deliver("release_emergency_stop", make(Empty))

    @property
    def driven(self) -> list[tuple[int, float, float]]:
        """Stamp, angle and speed of all that went to the vehicle."""
        return [
            (nanoseconds(message.header.stamp), message.drive.steering_angle, message.drive.speed)
            for message in self.bench.results("drive")
        ]

    def said(self) -> str:
        """The last of the commands' diagnostics."""
        return self.supervisor._statuses["Command"].message


# What goes through.


def test_a_command_within_the_limits_goes_through_with_its_header() -> None:
    road = Road(max_acceleration=1000.0)
    road.drive(0.1, 1.0, frames=2)
    message = road.bench.results("drive")[-1]
    assert message.drive.steering_angle == pytest.approx(0.1)
    assert message.drive.speed == 1.0
    assert (message.header.frame_id, nanoseconds(message.header.stamp)) == ("camera_optical", road.bench.now())
    assert road.said() == "driving"


@pytest.mark.parametrize(("angle", "speed"), [(2.0, 99.0), (-2.0, 99.0), (3.4e38, 3.4e38), (-3.4e38, -3.4e38)])
def test_angle_and_speed_are_limited(angle: float, speed: float) -> None:
    road = Road(max_steering_angle=0.3, max_speed=2.0, max_reverse_speed=0.5)
    last_angle, last_speed = road.drive(angle, speed, frames=40)[-1]
    assert last_angle == pytest.approx(math.copysign(0.3, angle))
    assert last_speed == pytest.approx(2.0 if speed > 0 else -0.5)


def test_it_starts_from_standstill_with_straight_wheels() -> None:
    assert Road().drive(0.4, 3.0) == [(0.0, 0.0)]


def test_the_rate_of_the_angle_is_limited_by_the_stamps() -> None:
    road = Road(max_steering_rate=1.0)
    angles = [angle for angle, _ in road.drive(0.2, 1.0, frames=7)]
    assert angles == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    road.bench.pass_time(2 * FRAME)
    road.image()
    assert road.command(-1.0, 1.0)[0] == pytest.approx(0.1), "two periods have passed"
    road.bench.pass_time(FRAME)
    assert road.command(-1.0, 1.0, late=FRAME // 2)[0] == pytest.approx(0.075), "but half a period by the stamps"


def test_the_rate_of_the_speed_is_limited_both_ways() -> None:
    road = Road(max_acceleration=2.0, max_deceleration=4.0)
    assert [speed for _, speed in road.drive(0.0, 0.3, frames=5)] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.3])
    assert [speed for _, speed in road.drive(0.0, 0.0, frames=3)] == pytest.approx([0.1, 0.0, 0.0])


def test_reversing_is_forbidden_unless_allowed() -> None:
    assert str(Road().drive(0.0, -1.0, frames=10)[-1]) == "(0.0, 0.0)"


def test_reversing_starts_from_standstill() -> None:
    road = Road(max_acceleration=2.0, max_deceleration=4.0, max_reverse_speed=1.0)
    road.drive(0.0, 0.5, frames=10)
    speeds = [speed for _, speed in road.drive(0.0, -0.3, frames=8)]
    assert speeds == pytest.approx([0.3, 0.1, 0.0, -0.1, -0.2, -0.3, -0.3, -0.3])
    assert [speed for _, speed in road.drive(0.0, 0.3, frames=4)] == pytest.approx([-0.1, 0.0, 0.1, 0.2])


def test_what_was_limited_and_dropped_is_counted_on_diagnostics() -> None:
    road = Road()
    road.drive(0.0, 1.0, frames=8)
    road.command(math.nan, 1.0)
    road.bench.pass_time(SECOND // 2)
    statuses = {
        status.name: {value.key: value.value for value in status.values}
        for array in road.bench.results("diagnostics")
        for status in array.status
    }
    assert statuses["supervisor: Command"] == {"dropped": "1", "limited": "5", "braked": "0"}


# What is dropped.


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_command_that_is_not_finite_is_dropped(bad: float) -> None:
    for angle, speed in ((bad, 1.0), (0.0, bad)):
        road = Road()
        road.drive(0.0, 1.0, frames=3)
        before = road.driven
        road.command(angle, speed)
        assert road.driven == before
        assert "not finite" in road.said()
        assert road.bench.reported("Command", Level.WARN)[-1].startswith("dropped: ")


def test_a_stamp_that_is_not_newer_is_dropped() -> None:
    road = Road()
    road.drive(0.0, 1.0, frames=3)
    before = road.driven
    for late in (0, FRAME):
        road.command(0.0, 1.0, late=late)
        assert road.driven == before
        assert "not newer" in road.said()


@pytest.mark.parametrize(("late", "said"), [(501 * MS, "stamped 0.50 s ago"), (-501 * MS, "ahead of the clock")])
def test_a_stamp_far_from_the_clock_is_dropped(late: int, said: str) -> None:
    road = Road(max_latency=0.5)
    road.drive(0.0, 1.0)
    assert math.isnan(road.command(0.0, 1.0, late=late)[0])
    assert said in road.said()


def test_a_leap_of_the_stamps_is_no_leap_of_the_vehicle() -> None:
    road = Road(max_latency=0.0, max_acceleration=2.0, stale_after=0.5)
    road.drive(0.0, 1.0, frames=3)
    assert road.command(0.0, 3.0, late=-3600 * SECOND)[1] == pytest.approx(0.2 + 2.0 * 0.5)


# When nothing comes.


def stopped_after(road: Road) -> float:
    """Let time pass until the vehicle is stopped; returns for how long it drove on, in seconds."""
    heard = road.bench.now()
    before = len(road.driven)
    road.bench.pass_time(12 * SECOND)
    stamp, _, speed = road.driven[before]
    assert speed == 0.0
    return (stamp - heard) / SECOND


@pytest.mark.parametrize("stale_after", [0.1, 0.15, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("phase_ms", [0, 1, 13, 25, 49])
def test_the_vehicle_stops_within_stale_after_of_the_last_command(stale_after: float, phase_ms: int) -> None:
    road = Road(stale_after=stale_after, require_images=False)
    road.bench.pass_time(phase_ms * MS)
    for _ in range(3):
        road.bench.pass_time(30 * MS)
        road.command(0.0, 1.0)
    assert stale_after - 2 * WATCH_PERIOD_S < stopped_after(road) <= stale_after
    assert road.bench.reported("Command", Level.ERROR)[-1].startswith("stopped: no new command for ")


def test_the_vehicle_stops_within_stale_after_of_the_last_image_though_commands_come() -> None:
    road = Road(stale_after=0.5)
    road.drive(0.0, 1.0, frames=10)
    heard = road.bench.now()
    for _ in range(20):
        road.bench.pass_time(FRAME)
        road.command(0.0, 1.0)
    stopped = [stamp for stamp, _, speed in road.driven if stamp > heard and speed == 0.0]
    assert stopped[0] - heard <= SECOND // 2
    assert all(speed == 0.0 for stamp, _, speed in road.driven if stamp >= stopped[0])
    assert "no new image" in road.said()


def test_a_camera_that_repeats_one_image_has_stopped() -> None:
    road = Road(stale_after=0.5)
    road.drive(0.0, 1.0, frames=10)
    frozen = picture(road.bench.now())
    for _ in range(20):
        road.bench.pass_time(FRAME)
        road.bench.deliver("image", frozen)
        road.command(0.0, 1.0)
    assert road.driven[-1][2] == 0.0
    assert "no new image" in road.said()


def test_commands_that_are_dropped_keep_nothing_going() -> None:
    road = Road(stale_after=0.5)
    road.drive(0.0, 1.0, frames=10)
    heard = road.bench.now()
    for _ in range(20):
        road.bench.pass_time(FRAME)
        road.image()
        road.command(math.nan, 1.0)
    stopped = next(stamp for stamp, _, speed in road.driven if stamp > heard and speed == 0.0)
    assert stopped - heard <= SECOND // 2


def test_nothing_is_driven_before_images_and_commands_have_come() -> None:
    road = Road()
    road.bench.pass_time(FRAME)
    assert road.said() == "stopped: no command since activation"
    assert road.command(0.0, 1.0) == (0.0, 0.0)
    assert road.said() == "stopped: no image since activation"


def test_images_are_not_waited_for_where_they_are_not_required() -> None:
    road = Road(require_images=False, max_acceleration=100.0)
    for _ in range(3):
        road.bench.pass_time(FRAME)
        road.command(0.0, 1.0)
    assert road.driven[-1][2] == 1.0


def test_a_stop_is_at_once_with_the_wheels_as_they_are_and_repeated() -> None:
    road = Road(max_deceleration=0.1, stale_after=0.5)
    road.drive(0.3, 2.0, frames=20)
    before = len(road.driven)
    road.bench.pass_time(SECOND)
    stops = road.driven[before:]
    assert len(stops) == 12, "from 0.45 s to 1 s after the last command, each 50 ms"
    assert {(round(angle, 5), speed) for _, angle, speed in stops} == {(0.3, 0.0)}
    assert stops[0][0] - road.bench.now() == -11 * FRAME, "a stop is stamped with the time at which it is given"


def test_after_a_stop_it_starts_from_standstill_with_the_wheels_as_they_are() -> None:
    road = Road(max_acceleration=2.0, max_steering_rate=1.0)
    road.drive(0.2, 1.0, frames=20)
    road.bench.pass_time(5 * SECOND)
    found = road.drive(-0.2, 1.0, frames=3)
    assert [angle for angle, _ in found] == pytest.approx([0.2, 0.15, 0.1])
    assert [speed for _, speed in found] == pytest.approx([0.0, 0.1, 0.2])


def test_who_commands_can_stop_it_at_once_and_sets_it_going_again() -> None:
    road = Road(max_acceleration=2.0, max_deceleration=0.1)
    road.drive(0.3, 2.0, frames=30)
    road.bench.deliver("stop", make(Empty))
    assert road.driven[-1][1:] == (pytest.approx(0.3), 0.0)
    assert road.said() == "stopped: who commands asked for it"
    assert [speed for _, speed in road.drive(0.3, 2.0, frames=3)] == pytest.approx([0.0, 0.1, 0.2])


# Emergency stop.


def test_an_emergency_stop_is_at_once_and_lasts() -> None:
    road = Road()
    road.drive(0.2, 1.0, frames=10)
    road.stop()
    assert road.driven[-1] == (road.bench.now(), pytest.approx(0.2), 0.0)
    assert road.drive(0.2, 1.0, frames=5) == [(pytest.approx(0.2), 0.0)] * 5
    road.stop(pressed=False)
    assert road.drive(0.2, 1.0, frames=5)[-1][1] == 0.0
    assert road.said() == "stopped: emergency stop"
    assert road.bench.reported("Emergency stop", Level.ERROR) != []


def test_an_emergency_stop_is_repeated_though_no_commands_come() -> None:
    road = Road()
    road.stop()
    before = len(road.driven)
    road.bench.pass_time(SECOND)
    assert len(road.driven) - before == 20


def test_only_its_release_ends_an_emergency_stop_and_driving_starts_anew() -> None:
    road = Road(max_acceleration=2.0)
    road.drive(0.0, 1.0, frames=20)
    road.stop()
    road.release()
    assert [speed for _, speed in road.drive(0.0, 1.0, frames=3)] == pytest.approx([0.0, 0.1, 0.2])
    assert road.bench.reported("Emergency stop", Level.OK)[-1] == "not engaged"


def test_an_emergency_stop_outlives_deactivation_and_cleanup() -> None:
    road = Road()
    road.stop()
    for step in ("deactivate", "cleanup", "configure", "activate"):
        getattr(road.supervisor, step)()
    assert road.drive(0.0, 1.0, frames=5)[-1] == (0.0, 0.0)
    assert road.said() == "stopped: emergency stop"


def test_deactivation_is_a_stop_and_activation_starts_anew() -> None:
    road = Road(max_acceleration=2.0)
    road.drive(0.2, 1.0, frames=20)
    road.supervisor.deactivate()
    assert road.driven[-1][1:] == (pytest.approx(0.2), 0.0)
    road.supervisor.activate()
    found = road.drive(0.2, 1.0, frames=2)
    assert [angle for angle, _ in found] == pytest.approx([0.2, 0.2]), "the wheels are where they were"
    assert [speed for _, speed in found] == pytest.approx([0.0, 0.1])


# Time that jumps back.


def test_a_clock_that_jumps_back_stops_the_vehicle_at_the_next_look() -> None:
    road = Road()
    road.drive(0.0, 1.0, frames=20)
    road.bench.jump(START - 3600 * SECOND)
    before = len(road.driven)
    road.bench.pass_time(FRAME)
    assert [speed for _, _, speed in road.driven[before:]] == [0.0]
    assert road.said() == "stopped: no command since the clock jumped back by 3600.95 s"


def test_after_the_clock_jumped_back_it_drives_on_from_standstill() -> None:
    road = Road(max_acceleration=2.0)
    road.drive(0.0, 1.0, frames=20)
    road.bench.jump(START)
    assert [speed for _, speed in road.drive(0.0, 1.0, frames=3)] == pytest.approx([0.0, 0.1, 0.2])


def test_after_a_jump_nothing_keeps_the_vehicle_going_but_new_messages() -> None:
    road = Road(stale_after=0.5)
    road.drive(0.0, 1.0, frames=20)
    road.bench.jump(road.bench.now() - 100 * SECOND)
    before = len(road.driven)
    road.bench.pass_time(200 * SECOND)
    assert all(speed == 0.0 for _, _, speed in road.driven[before:])
    assert len(road.driven) - before == 4000


def test_stamps_that_jump_back_are_time_that_starts_over() -> None:
    road = Road(max_latency=0.0, stale_after=0.5, max_acceleration=2.0)
    road.drive(0.0, 1.0, frames=20)
    back = 100 * SECOND
    found = []
    for _ in range(4):
        road.bench.pass_time(FRAME)
        road.bench.deliver("image", picture(road.bench.now() - back))
        found.append(road.command(0.0, 1.0, late=back)[1])
    assert found == pytest.approx([0.0, 0.0, 0.1, 0.2])


# Parameters.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stale_after", 0.05),
        ("stale_after", 11.0),
        ("max_steering_angle", 0.0),
        ("max_steering_rate", -1.0),
        ("max_speed", 41.0),
        ("max_reverse_speed", -1.0),
        ("max_acceleration", 0.0),
        ("max_deceleration", float("inf")),
        ("max_latency", -0.1),
        ("require_images", "no"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=f"supervisor: parameter '{name}' is {value!r}, but "):
        Supervisor("supervisor", {name: value})


def test_narrower_limits_hold_from_the_next_command_on() -> None:
    road = Road()
    road.drive(0.4, 3.0, frames=40)
    road.supervisor.set_parameters({"max_steering_angle": 0.1, "max_speed": 0.5})
    assert road.drive(0.4, 3.0) == [(pytest.approx(0.1), 0.5)]


def test_it_keeps_to_the_contract() -> None:
    check_component(Supervisor)
    check_component(
        Supervisor,
        {"require_images": False, "max_latency": 0.0},
        {"emergency_stop": [make(Bool, data=True)] * 2, "release_emergency_stop": [make(Empty)] * 3},
    )


# Whatever comes.


@pytest.mark.parametrize("seed", range(30))
def test_whatever_comes_limits_and_rates_hold_and_it_stops_in_time(seed: int) -> None:
    """Random commands, images, pauses and emergency stops, in the in-process executor."""
    random = np.random.default_rng(seed)
    limits = {
        "max_steering_angle": random.uniform(0.1, 1.0),
        "max_steering_rate": random.uniform(0.1, 20.0),
        "max_speed": random.uniform(0.0, 10.0),
        "max_reverse_speed": random.choice([0.0, random.uniform(0.0, 5.0)]),
        "max_acceleration": random.uniform(0.1, 20.0),
        "max_deceleration": random.uniform(0.1, 20.0),
        "stale_after": random.uniform(0.1, 1.0),
        "max_latency": random.choice([0.0, 0.3]),
    }
    sent: list[Published] = []
    executor = InProcess(sent.append)
    executor.add(Supervisor("supervisor", limits))
    executor.start(START)
    now, heard, engaged = START, {"command": [START], "image": [START]}, []
    topics = ("/command", "/image", "/emergency_stop", "/release_emergency_stop")
    for _ in range(400):
        now += round(random.exponential(random.choice([0.01, 0.05, 0.3])) * SECOND)
        topic = str(random.choice(topics, p=[0.6, 0.36, 0.01, 0.03]))
        stamp = now - round(random.choice([0.0, 0.02, -0.1, 5.0, -5.0], p=[0.3, 0.6, 0.05, 0.025, 0.025]) * SECOND)
        message: Any
        if topic == "/command":
            values = [*random.normal(0, 1, 6), 1e30, math.nan, math.inf]
            message = command(random.choice(values), random.choice(values) * 5, stamp)
            heard["command"].append(now)
        elif topic == "/image":
            message = picture(stamp)
            heard["image"].append(now)
        elif topic == "/emergency_stop":
            message = make(Bool, data=True)
            engaged.append((now, True))
        else:
            message = make(Empty)
            engaged.append((now, False))
        executor.feed(now, topic, type_name(message), cdr.serialize(message))
    executor.run_until(now + 2 * SECOND)

    messages = [(item.time_ns, cdr.deserialize(item.data, item.type_name)) for item in sent if item.topic == "/drive"]
    assert messages
    angles = [message.drive.steering_angle for _, message in messages]
    speeds = [message.drive.speed for _, message in messages]
    slack = 1e-5
    assert max(map(abs, angles)) <= limits["max_steering_angle"] + slack
    assert max(speeds) <= limits["max_speed"] + slack
    assert min(speeds) >= -limits["max_reverse_speed"] - slack

    is_stop = [message.header.frame_id == "" for _, message in messages]
    assert not any(speed for speed, stop in zip(speeds, is_stop, strict=True) if stop)
    for one, other in pairwise(range(len(messages))):
        turn, change = abs(angles[other] - angles[one]), speeds[other] - speeds[one]
        if is_stop[other]:
            assert turn == 0.0
            continue
        seconds = (
            0.0
            if is_stop[one]
            else (nanoseconds(messages[other][1].header.stamp) - nanoseconds(messages[one][1].header.stamp)) / SECOND
        )
        assert seconds >= 0.0
        seconds = min(seconds, limits["stale_after"])
        assert turn <= limits["max_steering_rate"] * seconds + slack
        slows_down = abs(speeds[other]) < abs(speeds[one])
        rate = limits["max_deceleration" if slows_down else "max_acceleration"]
        assert abs(change) <= rate * seconds + slack

    # Wherever the vehicle is driven, its inputs are fresh and no emergency stop is engaged.
    ends = [at for at, _ in messages[1:]] + [now + 2 * SECOND]
    for (at, _), end, speed in zip(messages, ends, speeds, strict=True):
        if speed:
            for times in heard.values():
                last = max(time_ns for time_ns in times if time_ns <= at)
                news = [time_ns for time_ns in times if at < time_ns <= end]
                assert min([end, *news]) - last <= limits["stale_after"] * SECOND + 1
            pressed = [is_on for time_ns, is_on in engaged if time_ns <= at]
            assert not (pressed and pressed[-1])
