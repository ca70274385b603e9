"""``convoy bag record``: what was on the network is in the bag, byte by byte."""

from __future__ import annotations

import runpy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from convoy.bags import BagReader, BagWriter
from convoy.graph import DEFAULT, LATCHED, SENSOR_DATA
from convoy.hosts.dds import Participant
from convoy.hosts.dds.recorder import Recorder
from convoy.interfaces import cdr
from convoy.interfaces.messages import String, type_hash

HERE = Path(__file__).parent
STRING, IMAGE = "std_msgs/msg/String", "sensor_msgs/msg/Image"


@contextmanager
def recording(domain: int, bag: Path, *only: str) -> Iterator[Recorder]:
    """Record in the background, on a participant of its own."""
    stopping = threading.Event()
    with Participant(domain) as participant, BagWriter(bag) as writer:
        recorder = Recorder(participant, participant.node("_recorder"), writer, only)
        thread = threading.Thread(target=recorder.run, args=(stopping,))
        thread.start()
        yield recorder
        stopping.set()
        thread.join()


def test_images_of_another_process_are_recorded_whole_with_times_and_qos(
    domain: int, start: Any, eventually: Any, tmp_path: Path
) -> None:
    before = time.time_ns()
    with recording(domain, tmp_path / "bag") as recorder:
        start(HERE / "pictures.py").wait_for("played")
        eventually(lambda: recorder.recorded.messages["/car/image"] == 40)
    with BagReader(tmp_path / "bag") as bag:
        topic = bag.topics["/car/image"]
        records = list(bag.messages())
    assert (topic.type, topic.type_hash, topic.qos[0].reliability, topic.qos[0].depth) == (
        IMAGE,
        type_hash(IMAGE),
        "reliable",
        10,
    )
    sent = [bytes(data) for _, data in runpy.run_path(str(HERE / "pictures.py"))["pictures"]()]
    assert [bytes(record.data) for record in records] == sent
    times = [record.log_time_ns for record in records]
    assert before < times[0]
    assert times == sorted(times)
    assert 1.5 < (times[-1] - times[0]) / 1e9 < 3.0  # 40 images at 20 Hz


def test_topics_are_recorded_as_they_appear_latched_ones_too_hidden_ones_not(
    participant: Participant, eventually: Any, tmp_path: Path
) -> None:
    node = participant.node("tester")
    node.publisher("/map", STRING, LATCHED).write(cdr.serialize(String(data="here")))
    with recording(participant.domain_id, tmp_path / "bag") as recorder:
        eventually(lambda: recorder.recorded.messages.get("/map") == 1)
        late = node.publisher("/late", STRING, SENSOR_DATA)
        node.publisher("/_hidden", STRING, DEFAULT)
        message = cdr.serialize(String(data="x"))
        eventually(lambda: late.write(message) or recorder.recorded.messages.get("/late"))
    with BagReader(tmp_path / "bag") as bag:
        assert {name: topic.qos[0].durability for name, topic in bag.topics.items()} == {
            "/map": "transient_local",
            "/late": "volatile",
        }


def test_only_the_topics_asked_for_are_recorded(participant: Participant, eventually: Any, tmp_path: Path) -> None:
    node = participant.node("tester")
    node.publisher("/other", STRING, DEFAULT)
    chat = node.publisher("/chat", STRING, DEFAULT)
    with recording(participant.domain_id, tmp_path / "bag", "chat") as recorder:
        eventually(chat.matched)
        chat.write(cdr.serialize(String(data="x")))
        eventually(lambda: recorder.recorded.messages.get("/chat") == 1)
    with BagReader(tmp_path / "bag") as bag:
        assert list(bag.topics) == ["/chat"]


def test_what_cannot_be_recorded_is_told(
    participant: Participant, eventually: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = participant.node("tester")
    node.publisher("/chat", STRING, DEFAULT)
    with recording(participant.domain_id, tmp_path / "bag") as recorder:
        eventually(lambda: "/chat" in recorder.recorded.messages)
        node.publisher("/chat", IMAGE, DEFAULT)
        eventually(lambda: f"/chat is published as {IMAGE} too, which is not recorded" in caplog.text)
