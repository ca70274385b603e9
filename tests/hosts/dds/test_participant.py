"""Nodes, topics and messages between processes."""

from __future__ import annotations

import gc
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.graph import DEFAULT, LATCHED
from convoy.hosts.dds import DdsError, Participant
from convoy.interfaces import cdr
from convoy.interfaces.messages import Image, InterfaceError, String, make, type_hash

ECHO = Path(__file__).parent / "echo.py"
STRING, IMAGE = "std_msgs/msg/String", "sensor_msgs/msg/Image"


def string(text: str) -> memoryview:
    return cdr.serialize(String(data=text))


def ignore(_data: memoryview, _source_ns: int) -> None:
    pass


def test_messages_go_to_another_process_and_back_unchanged(
    participant: Participant, start: Any, eventually: Any
) -> None:
    echo = start(ECHO)
    node = participant.node("tester")
    answers: list[memoryview] = []
    publisher = node.publisher("/question", STRING, DEFAULT)
    subscription = node.subscription("/answer", STRING, DEFAULT, lambda data, _: answers.append(data))
    echo.wait_for("ready")
    eventually(lambda: publisher.matched() and subscription.matched())
    questions = [string("x" * length) for length in range(10)]
    for question in questions:
        publisher.write(question)
    eventually(lambda: len(answers) == len(questions))
    for question, answer in zip(questions, answers, strict=True):
        assert answer[: len(question)] == question
        assert len(answer) == len(question) + -len(question) % 4  # the protocol pads to whole words
        assert cdr.deserialize(answer, STRING) == cdr.deserialize(question, STRING)


def test_a_message_tells_when_it_was_sent(participant: Participant, eventually: Any) -> None:
    node = participant.node("tester")
    sent: list[int] = []
    node.subscription("/chat", STRING, DEFAULT, lambda _, source_ns: sent.append(source_ns))
    before = time.time_ns()
    node.publisher("/chat", STRING, DEFAULT).write(string("now"))
    eventually(lambda: sent)
    assert before <= sent[0] <= time.time_ns()


def test_a_full_hd_image_arrives_whole_and_is_not_copied(participant: Participant, eventually: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, 1920 * 1080 * 3, np.uint8)
    image = make(Image, height=1080, width=1920, encoding="bgr8", step=1920 * 3, data=pixels)
    got: list[memoryview] = []
    publisher = participant.node("camera").publisher("/image", IMAGE, DEFAULT)
    with Participant(participant.domain_id) as other:
        other.node("viewer").subscription("/image", IMAGE, DEFAULT, lambda data, _: got.append(data))
        eventually(publisher.matched)
        publisher.write(cdr.serialize(image))
        eventually(lambda: got)
    data = got.pop()
    decoded = cdr.deserialize(data, IMAGE)
    assert data.readonly
    assert np.shares_memory(decoded.data, np.frombuffer(data, np.uint8))
    del data, other
    gc.collect()
    assert np.array_equal(decoded.data, pixels)  # alive as long as it is used, even when its participant is gone


def test_a_latched_message_reaches_those_who_come_late(participant: Participant, start: Any, eventually: Any) -> None:
    publisher = participant.node("tester").publisher("/question", STRING, LATCHED)
    publisher.write(string("first"))
    publisher.write(string("last"))
    got: list[Any] = []
    with Participant(participant.domain_id) as late:
        late.node("late").subscription("/question", STRING, LATCHED, lambda data, _: got.append(data))
        eventually(lambda: got)
        time.sleep(0.2)
    assert [cdr.deserialize(data, STRING).data for data in got] == ["last"]


def test_nodes_and_their_endpoints_are_seen_by_others(participant: Participant, start: Any, eventually: Any) -> None:
    echo = start(ECHO)
    echo.wait_for("ready")
    discovery = participant.discovery
    eventually(lambda: discovery.nodes() == ["/far/echo"] and all(end.node for end in discovery.endpoints()))
    question, answer = sorted(discovery.endpoints(), key=lambda endpoint: endpoint.topic, reverse=True)
    assert (question.kind, question.topic, question.node) == ("subscription", "/question", "/far/echo")
    assert (answer.kind, answer.topic, answer.node) == ("publisher", "/answer", "/far/echo")
    assert answer.type_name == STRING
    assert answer.type_hash == type_hash(STRING)
    assert (answer.qos.reliability, answer.qos.durability, answer.qos.depth) == ("reliable", "volatile", 100)
    echo.signal(signal.SIGTERM)
    assert echo.end() == 0
    eventually(lambda: not discovery.nodes() and not discovery.endpoints())


def test_a_dropped_endpoint_and_a_closed_node_disappear(participant: Participant, eventually: Any) -> None:
    node = participant.node("tester", "/a/b")
    publisher = node.publisher("/one", STRING, DEFAULT)
    node.subscription("/two", STRING, DEFAULT, ignore)
    with Participant(participant.domain_id) as other:
        eventually(lambda: [end.topic for end in other.discovery.endpoints()] == ["/one", "/two"])
        node.drop(publisher)
        eventually(lambda: [end.topic for end in other.discovery.endpoints()] == ["/two"])
        node.close()
        eventually(lambda: not other.discovery.endpoints() and not other.discovery.nodes())


def test_two_types_on_one_topic_do_not_reach_each_other(participant: Participant, eventually: Any) -> None:
    node = participant.node("tester")
    wrong: list[Any] = []
    right: list[Any] = []
    node.subscription("/chat", IMAGE, DEFAULT, lambda data, _: wrong.append(data))
    node.subscription("/chat", STRING, DEFAULT, lambda data, _: right.append(data))
    node.publisher("/chat", STRING, DEFAULT).write(string("hello"))
    eventually(lambda: right)
    assert not wrong


def test_a_type_that_convoy_does_not_know_passes_through(participant: Participant, eventually: Any) -> None:
    node = participant.node("tester")
    with pytest.raises(InterfaceError, match="acme_msgs/msg/Odd"):
        node.subscription("/odd", "acme_msgs/msg/Odd", DEFAULT, ignore)
    got: list[Any] = []
    hash_ = "RIHS01_" + "0" * 64
    node.subscription("/odd", "acme_msgs/msg/Odd", DEFAULT, lambda data, _: got.append(data), type_hash=hash_)
    assert [end.type_hash for end in participant.discovery.endpoints()] == [hash_]


def test_what_is_no_message_is_not_sent(participant: Participant) -> None:
    publisher = participant.node("tester").publisher("/chat", STRING, DEFAULT)
    with pytest.raises(DdsError, match="3 bytes are no message"):
        publisher.write(b"abc")


def test_a_failing_callback_does_not_stop_the_others(
    participant: Participant, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_data: memoryview, _source_ns: int) -> None:
        raise ValueError("on purpose")

    got: list[Any] = []
    node = participant.node("tester")
    node.subscription("/chat", STRING, DEFAULT, fail)
    node.subscription("/chat", STRING, DEFAULT, lambda data, _: got.append(data))
    publisher = node.publisher("/chat", STRING, DEFAULT)
    publisher.write(string("one"))
    publisher.write(string("two"))
    eventually(lambda: len(got) == 2)
    assert "/chat: ValueError: on purpose" in caplog.text


def test_closing_ends_the_threads_and_leaves_the_domain_free(domain: int) -> None:
    before = threading.active_count()
    for _ in range(3):
        with Participant(domain) as participant:
            participant.node("tester").publisher("/chat", STRING, DEFAULT)
        participant.close()  # once more does no harm
    assert threading.active_count() == before
