"""The supervisor brakes for what a range sensor sees ahead: in time, no earlier than it must, and never for nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.driving.test_supervisor import FRAME, SECOND, Road

from convoy.driving.shield import STANDING_GAP_M, must_brake
from convoy.graph import Level
from convoy.interfaces.messages import Header, Range, make, time


class Ahead(Road):
    """A road on which something may stand or drive ahead; the vehicle brakes with 8 m/s^2, after 0.1 s."""

    def __init__(self, **parameters: Any) -> None:
        limits = {"max_speed": 15.0, "max_acceleration": 1000.0, "max_deceleration": 1000.0}
        super().__init__(**{"min_time_to_collision": 0.4, "braking_deceleration": 6.0} | limits | parameters)

    def range(self, metres: float, max_range: float = 40.0) -> None:
        header = make(Header, stamp=time(self.bench.now()), frame_id="radar")
        self.bench.deliver("range", make(Range, header=header, range=metres, max_range=max_range))

    def go(self, metres: float, speed: float = 10.0) -> float:
        """One frame at 20 Hz with something so far ahead; returns the speed that is driven."""
        self.bench.pass_time(FRAME)
        self.image()
        self.range(metres)
        return self.command(0.1, speed)[1]

    def braked(self) -> int:
        return self.supervisor.shield.interventions


def approach(road: Ahead, distance: float, speed: float, thing: float = 0.0) -> float:
    """Drive up to something that moves at a speed; returns the least distance that was left. Steering goes on."""
    own, least, commanded = speed, distance, [speed] * 3
    road.drive(0.1, speed, frames=2)
    for _ in range(300):
        commanded.append(road.go(distance, speed))
        own = max(own - 8.0 / 20, 0.0) if commanded[-3] == 0.0 else min(own + 3.0 / 20, speed)
        distance += (thing - own) / 20
        least = min(least, distance)
        assert road.driven[-1][1] == pytest.approx(0.1)
    return least


@pytest.mark.parametrize("speed", [3.0, 6.0, 11.0, 15.0])
def test_it_stops_before_what_stands_ahead_whatever_is_commanded(speed: float) -> None:
    road = Ahead()
    assert 0.0 < approach(road, 39.0, speed) < 2.0
    assert road.braked() >= 1


def test_it_keeps_off_who_is_slower() -> None:
    assert approach(Ahead(), 39.0, 12.0, thing=5.0) > 0.0


def test_who_drives_ahead_as_fast_is_no_reason_to_brake() -> None:
    road = Ahead()
    approach(road, 6.0, 10.0, thing=10.0)
    assert road.driven[-1][2] == 10.0


def test_who_comes_the_other_way_counts_as_standing() -> None:
    road = Ahead()
    speeds = [road.go(38.0 - step, 10.0) for step in range(20)]
    assert all(speed > 0 for speed in speeds[2:])
    assert must_brake(38.0 - 19, 20.0, 0.4, 6.0)


def test_an_intervention_ends_when_the_way_is_free_and_each_is_counted() -> None:
    road = Ahead()
    road.drive(0.0, 10.0, frames=3)
    assert road.go(8.0) == 0.0
    assert road.said() == "braking for what is ahead"
    assert road.bench.reported("Command", Level.WARN)[-1] == "braking for what is ahead"
    assert road.go(7.5) == 0.0
    assert road.go(math.inf) > 0.0
    assert road.braked() == 1
    assert road.go(6.0) == 0.0
    assert road.braked() == 2


def test_without_the_parameter_ranges_are_passed_over() -> None:
    road = Ahead(min_time_to_collision=0.0)
    road.drive(0.0, 10.0, frames=3)
    assert road.go(0.5) == 10.0


def test_missing_ranges_stop_the_vehicle_only_where_they_are_required() -> None:
    free, bound = Ahead(), Ahead(require_range=True)
    for road in (free, bound):
        road.drive(0.0, 10.0, frames=20)
    assert free.driven[-1][2] == 10.0
    assert bound.said() == "stopped: no range since activation"
    assert [bound.go(math.inf) for _ in range(3)][-1] == 10.0
    bound.drive(0.0, 10.0, frames=20)
    assert bound.said().startswith("stopped: no new range for ")


def test_a_range_of_long_ago_is_forgotten() -> None:
    road = Ahead(stale_after=0.5)
    road.drive(0.0, 10.0, frames=3)
    assert road.go(5.0) == 0.0
    assert road.drive(0.0, 10.0, frames=15)[-1][1] == 10.0


@pytest.mark.parametrize("bad", [math.nan, -1.0, 41.0])
def test_a_range_out_of_the_sensors_limits_is_dropped(bad: float) -> None:
    road = Ahead()
    road.drive(0.0, 10.0, frames=3)
    assert road.go(bad) == 10.0


def test_what_is_too_near_to_measure_is_near() -> None:
    road = Ahead()
    road.drive(0.0, 10.0, frames=3)
    assert road.go(-math.inf) == 0.0


def test_time_that_jumps_forgets_what_was_seen() -> None:
    road = Ahead()
    road.drive(0.0, 10.0, frames=3)
    assert road.go(5.0) == 0.0
    road.bench.jump(road.bench.now() - 100 * SECOND)
    assert road.drive(0.0, 10.0, frames=3)[-1][1] == 10.0
    assert road.braked() == 1


def test_the_time_left_is_what_braking_takes_and_more() -> None:
    needed = 10.0 * 0.4 + 10.0**2 / (2 * 6.0) + STANDING_GAP_M
    assert must_brake(needed - 0.01, 10.0, 0.4, 6.0)
    assert not must_brake(needed + 0.01, 10.0, 0.4, 6.0)
    assert not must_brake(1.0, 0.0, 0.4, 6.0)
    assert must_brake(0.4, 0.0, 0.4, 6.0)
    assert not must_brake(0.4, -1.0, 0.4, 6.0)
