"""The same bag of skeletons gives the same gestures in replay and on the DDS host."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conformance import golden
from tests.gestures.conftest import SECOND, START, skeleton
from tests.hosts.dds.conftest import Process, domain, start

from convoy.bags import BagReader, BagWriter
from convoy.interfaces import cdr
from convoy.interfaces.messages import Gesture, HandSkeleton, type_name
from convoy_sim.hands import Person, Stream

__all__ = ["domain", "start"]


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Person(702).stream(30)


@pytest.fixture(scope="module")
def bag(stream: Stream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hands") / "bag"
    with BagWriter(path) as writer:
        writer.add_topic("/hands", type_name(HandSkeleton))
        for seconds, joints in zip(stream.times.tolist(), stream.joints, strict=True):
            stamp = START + round(seconds * SECOND)
            writer.write("/hands", stamp, bytes(cdr.serialize(skeleton(joints, seconds))))
    return path


def gestures(published: list[tuple[str, bytes]]) -> list[bytes]:
    return [data for topic, data in published if topic == "/gesture"]


def test_the_same_gestures_in_replay_and_over_dds(
    bag: Path, stream: Stream, root: Path, gesture_model: Path, start: Callable[..., Process], tmp_path: Path
) -> None:
    node = golden.Node("gesture_recogniser", {"model": str(gesture_model)}, {})
    replayed = gestures(golden.reference(bag, [node]))
    assert replayed == gestures(golden.reference(bag, [node]))
    labels = {cdr.deserialize(data, type_name(Gesture)).label for data in replayed}
    assert labels & {event.gesture for event in stream.events}, "something was recognised"

    assert _by_replay(bag, root, tmp_path / "replay") == replayed

    recogniser = start("-m", "convoy", "run", node.component, *node.ros_arguments())
    recorder = start("-m", "convoy", "bag", "record", "/gesture", "--out", tmp_path / "out")
    player = start("-m", "tests.gestures.player", bag)
    player.wait_for("played")
    for process in (recogniser, recorder):
        process.signal(signal.SIGINT)
    for process in (recogniser, recorder, player):
        assert process.end() == 0, process.said
    assert gestures(_read(tmp_path / "out")) == replayed


def _by_replay(bag: Path, root: Path, out: Path) -> list[bytes]:
    launch = ["--launch", str(root / "launch" / "gestures.launch.yaml"), "hand_tracker:=false", "supervisor:=false"]
    command = [sys.executable, "-m", "convoy", "replay", str(bag), "--out", str(out), *launch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return gestures(_read(out / "replay.mcap"))


def _read(bag: Path) -> list[tuple[str, bytes]]:
    with BagReader(bag) as reader:
        return [(record.topic, bytes(record.data)) for record in reader.messages()]
