"""A bag of hands through ``gestures.launch.yaml``, as a genuine ``ros2 launch`` starts it."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gestures.conftest import gestures, read, replayed_gestures, write_hands
from tests.ros.conftest import Ros

from convoy.interfaces import cdr
from convoy.interfaces.messages import NANOSECONDS, Gesture, nanoseconds, type_name
from convoy_sim.hands import Person


def test_the_gestures_are_those_of_the_replay(ros: Ros, root: Path, tmp_path: Path) -> None:
    stream = Person(700).stream(20)
    early = stream.times < 10
    bag = write_hands(tmp_path / "hands", replace(stream, times=stream.times[early], joints=stream.joints[early]))
    wanted = replayed_gestures(bag, root, tmp_path / "replay")
    assert len(wanted) == 2
    launch = ros.start(
        *("ros2", "launch", "convoy_bringup", "gestures.launch.yaml"), "hand_tracker:=false", "supervisor:=false"
    )
    for _ in ("gesture_recogniser", "gesture_commander"):
        launch.wait_for("activate: done")
    recorder = ros.start(sys.executable, "-m", "convoy", "bag", "record", "/gesture", "--out", tmp_path / "out")
    player = ros.start(sys.executable, "-m", "tests.gestures.player", bag, 1)
    player.wait_for("played")
    for process in (launch, recorder):
        process.signal(signal.SIGINT)
        assert process.end() == 0
    # A skeleton that is lost on a busy machine moves an end by a frame; that nothing is lost has the same bytes, see
    # tests/gestures/test_hosts.py.
    for made, meant in zip(_decoded(gestures(read(tmp_path / "out"))), _decoded(wanted), strict=True):
        assert made.label == meant.label
        assert made.confidence == pytest.approx(meant.confidence, abs=0.05)
        assert abs(nanoseconds(made.header.stamp) - nanoseconds(meant.header.stamp)) < 0.1 * NANOSECONDS


def _decoded(published: list[bytes]) -> list[Any]:
    return [cdr.deserialize(data, type_name(Gesture)) for data in published]
