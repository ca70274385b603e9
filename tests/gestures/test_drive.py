"""A recorded bag of hands sets the simulated car going and stops it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.gestures.conftest import SECOND, START, skeleton

pytest.importorskip("mujoco", reason="the simulator needs the extra 'sim'")

from convoy.bags import BagReader, BagWriter
from convoy.evaluation.drive import DriveError, hands
from convoy.interfaces import cdr
from convoy.interfaces.messages import Gesture, HandSkeleton, make, nanoseconds, type_name
from convoy_sim.hands import HAND, Person

SCRIPT = [("swipe_up", HAND), ("shake", HAND), ("swipe_up", HAND), ("grab", HAND)]


def record(path: Path) -> list[tuple[float, float]]:
    """Record somebody who says go, stop, go, stop; returns from when to when each gesture was."""
    stream = Person(703).act(SCRIPT, rest_s=3.0)
    with BagWriter(path) as bag:
        bag.add_topic("/someone/hands", type_name(HandSkeleton))
        for seconds, joints in zip(stream.times.tolist(), stream.joints, strict=True):
            stamp = START + round(seconds * SECOND)
            bag.write("/someone/hands", stamp, bytes(cdr.serialize(skeleton(joints, seconds))))
    return [(event.start, event.end) for event in stream.events]


def test_the_car_goes_and_stops_as_the_hand_says(tmp_path: Path) -> None:
    made = record(tmp_path / "hands")
    seconds = made[-1][1] + 3
    command = [sys.executable, "-m", "convoy", "drive", "--gestures", tmp_path / "hands", "--seconds", str(seconds)]
    command += ["--policy", "expert", "--town", "1100", "--out", tmp_path / "out"]
    done = subprocess.run(
        [*command, "images:=false", "cars:=0", "people:=0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    speeds, labels = [], []
    with BagReader(tmp_path / "out" / "drive.mcap") as reader:
        for message in reader.messages(["/drive", "/gesture"]):
            value = cdr.deserialize(message.data, message.type)
            if message.topic == "/gesture":
                labels.append(value.label)
            else:
                speeds.append((message.log_time_ns / SECOND, value.drive.speed))
    assert labels == [gesture for gesture, _ in SCRIPT]

    def fastest(begin: float, end: float) -> float:
        return max(speed for instant, speed in speeds if begin < instant < end)

    (go, stop, again, end) = made
    assert fastest(0, go[1]) == 0
    assert fastest(go[1], stop[1]) == pytest.approx(1.0)
    assert fastest(stop[1] + 0.5, again[1]) == 0
    assert fastest(again[1], end[1]) == pytest.approx(1.0)
    assert fastest(end[1] + 0.5, seconds) == 0


def test_stamps_become_those_of_the_drive(tmp_path: Path) -> None:
    record(tmp_path / "hands")
    for time_ns, data in hands(tmp_path / "hands"):
        assert nanoseconds(cdr.deserialize(data, type_name(HandSkeleton)).header.stamp) == time_ns


def test_a_bag_without_hands_is_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/gesture", type_name(Gesture))
        bag.write("/gesture", START, bytes(cdr.serialize(make(Gesture))))
    with pytest.raises(DriveError, match="has no topic of convoy_msgs/msg/HandSkeleton; it has /gesture"):
        list(hands(tmp_path / "bag"))
