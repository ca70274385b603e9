"""Drive mode and supervisor together: who is lost at full speed has the vehicle stopped in time; else it is gentle."""

from __future__ import annotations

from typing import Any

import pytest

from convoy.driving.drive_mode import DriveMode
from convoy.driving.supervisor import Supervisor
from convoy.graph.bench import Bench
from convoy.interfaces import cdr
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, Header, make, time, type_name

START = 1_700_000_000_000_000_000
MS = 1_000_000
WITHIN_MS = 300
FULL = 3.0
"""m/s: it takes 0.375 s to ramp down by the supervisor's own 8 m/s^2."""


class Vehicle:
    """Both on one clock; stick or page send at 20 Hz, the policy between."""

    def __init__(self, mode: str, source: str) -> None:
        self.mode, self.supervisor = (
            Bench(DriveMode("drive_mode", {"mode": mode}), START),
            Bench(Supervisor("supervisor", {"require_images": False}), START),
        )
        for bench in (self.mode, self.supervisor):
            bench.component.configure()
            bench.component.activate()
        self.source = source
        self.speed: float | None = 0.0
        """That the person wants; none when the link is cut."""
        self.passed = 0
        self.ms = 0

    def run(self, ms: int) -> None:
        for _ in range(ms):
            self.ms += 1
            self.mode.pass_time(MS)
            if self.ms % 50 == 0 and self.speed is not None:
                stamp = time(self.mode.now())
                if self.source == "console":
                    self.mode.deliver("heartbeat", make(Header, stamp=stamp))
                self.mode.deliver(self.source, self.command(self.speed))
            if self.ms % 50 == 25:
                self.mode.deliver("policy", self.command(5.0))
            self.pass_on()
            self.supervisor.pass_time(MS)

    def command(self, speed: float) -> Any:
        drive = make(AckermannDrive, speed=speed)
        return make(AckermannDriveStamped, header=make(Header, stamp=time(self.mode.now())), drive=drive)

    def pass_on(self) -> None:
        sent, self.passed = self.mode.sent[self.passed :], len(self.mode.sent)
        for message in sent:
            if message.output in ("command", "stop"):
                kind = type_name(self.mode.component.outputs[message.output].message)
                self.supervisor.deliver(message.output, cdr.deserialize(message.data, kind))

    def driven(self) -> float:
        return float(self.supervisor.results("drive")[-1].drive.speed)

    def at_full_speed(self) -> Vehicle:
        self.run(200)
        self.speed = FULL
        self.run(1500)
        assert self.driven() == FULL
        return self


CASES = [(mode, source) for mode in ("manual", "assisted") for source in ("joystick", "console")]


@pytest.mark.parametrize(("mode", "source"), CASES)
@pytest.mark.parametrize("after_ms", [0, 13, 26, 49])
def test_a_link_that_is_cut_at_full_speed_stops_the_vehicle_in_time(mode: str, source: str, after_ms: int) -> None:
    vehicle = Vehicle(mode, source).at_full_speed()
    vehicle.run(after_ms)
    vehicle.speed = None
    vehicle.run(WITHIN_MS - 1)
    assert vehicle.driven() == 0.0
    vehicle.run(1000)
    assert vehicle.driven() == 0.0


@pytest.mark.parametrize(("mode", "source"), CASES)
def test_the_page_that_puts_the_throttle_to_rest_does_not_put_the_stop_off(mode: str, source: str) -> None:
    """What a console does for a page that is silent: the throttle at rest after 0.15 s, and then nothing more."""
    vehicle = Vehicle(mode, source).at_full_speed()
    vehicle.speed = None
    vehicle.run(150)
    if source == "console":
        vehicle.mode.deliver("console", vehicle.command(0.0))
    vehicle.run(WITHIN_MS - 150 - 1)
    assert vehicle.driven() == 0.0


@pytest.mark.parametrize(("mode", "source"), CASES)
def test_a_person_who_lets_go_is_driven_to_a_stop_gently(mode: str, source: str) -> None:
    vehicle = Vehicle(mode, source).at_full_speed()
    vehicle.speed = 0.0
    vehicle.run(WITHIN_MS)
    assert 0.5 < vehicle.driven() < FULL
    vehicle.run(200)
    assert vehicle.driven() == 0.0
