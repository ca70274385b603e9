"""The same bag of skeletons gives the same gestures in replay and on the DDS host."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conformance import golden
from tests.gestures.conftest import gestures, read, replayed_gestures, write_hands
from tests.hosts.dds.conftest import Process, domain, start

from convoy.interfaces import cdr
from convoy.interfaces.messages import Gesture, type_name
from convoy_sim.hands import Person, Stream

__all__ = ["domain", "start"]


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Person(702).stream(30)


@pytest.fixture(scope="module")
def bag(stream: Stream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hands(tmp_path_factory.mktemp("hands") / "bag", stream)


def test_the_same_gestures_in_replay_and_over_dds(
    bag: Path, stream: Stream, root: Path, gesture_model: Path, start: Callable[..., Process], tmp_path: Path
) -> None:
    node = golden.Node("gesture_recogniser", {"model": str(gesture_model)}, {})
    replayed = gestures(golden.reference(bag, [node]))
    assert replayed == gestures(golden.reference(bag, [node]))
    labels = {cdr.deserialize(data, type_name(Gesture)).label for data in replayed}
    assert labels & {event.gesture for event in stream.events}, "something was recognised"

    assert replayed_gestures(bag, root, tmp_path / "replay") == replayed

    recogniser = start("-m", "convoy", "run", node.component, *node.ros_arguments())
    recorder = start("-m", "convoy", "bag", "record", "/gesture", "--out", tmp_path / "out")
    player = start("-m", "tests.gestures.player", bag)
    player.wait_for("played")
    for process in (recogniser, recorder):
        process.signal(signal.SIGINT)
    for process in (recogniser, recorder, player):
        assert process.end() == 0, process.said
    assert gestures(read(tmp_path / "out")) == replayed
