"""A vehicle that is driven live by simulated time, when that time starts over, as a bag in a loop does."""

from __future__ import annotations

import time
from typing import Any

from convoy.graph import DEFAULT, SENSOR_DATA
from convoy.hosts.dds import Participant
from convoy.interfaces import cdr
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, Clock, Header, Image, make, type_name
from convoy.interfaces.messages import time as stamp

STEP_NS = 50_000_000


def test_it_stops_when_the_clock_jumps_back_and_drives_on_with_new_messages(
    participant: Participant, start: Any, eventually: Any
) -> None:
    world = participant.node("world")
    clock = world.publisher("/clock", type_name(Clock), DEFAULT)
    image = world.publisher("/image", type_name(Image), SENSOR_DATA)
    command = world.publisher("/command", type_name(AckermannDriveStamped), DEFAULT)
    speeds: list[float] = []

    def note(data: memoryview, _source_ns: int) -> None:
        speeds.append(cdr.deserialize(data, type_name(AckermannDriveStamped)).drive.speed)

    drive = world.subscription("/drive", type_name(AckermannDriveStamped), DEFAULT, note)
    start(
        "-m", "convoy", "run", "supervisor", "--ros-args", "-p", "use_sim_time:=true", "-p", "max_acceleration:=100.0"
    )
    eventually(lambda: all(end.matched() for end in (clock, image, command, drive)))

    def tick(now: int, *, commanded: bool) -> None:
        clock.write(cdr.serialize(make(Clock, clock=stamp(now))))
        time.sleep(0.01)
        if commanded:
            header = make(Header, stamp=stamp(now))
            image.write(cdr.serialize(make(Image, header=header)))
            wanted = make(AckermannDrive, speed=2.0)
            command.write(cdr.serialize(make(AckermannDriveStamped, header=header, drive=wanted)))
            time.sleep(0.01)

    def drive_from(now: int) -> int:
        """Go on until the vehicle drives; returns the simulated time."""
        told = len(speeds)

        def driven() -> bool:
            nonlocal now
            now += STEP_NS
            tick(now, commanded=True)
            return 2.0 in speeds[told:]

        eventually(driven)
        return now

    late = drive_from(100 * 10**9)
    told = len(speeds)
    early = late - 90 * 10**9
    for step in range(5):  # sooner than commands would be stale
        tick(early + step * STEP_NS, commanded=False)
    eventually(lambda: 0.0 in speeds[told:])
    drive_from(early + 5 * STEP_NS)
