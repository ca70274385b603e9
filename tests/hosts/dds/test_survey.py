"""``convoy topics``."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from convoy.graph import DEFAULT, SENSOR_DATA
from convoy.hosts.dds import Participant
from convoy.hosts.dds.survey import survey

STRING = "std_msgs/msg/String"


@pytest.fixture
def talker(participant: Participant) -> Any:
    """Publishes 16 bytes at 20 Hz on /chat; listens to /silence."""
    node = participant.node("talker", "/a")
    publisher = node.publisher("/chat", STRING, SENSOR_DATA)
    node.subscription("/silence", STRING, DEFAULT, lambda *_: None)
    done = threading.Event()

    def talk() -> None:
        while not done.wait(0.05):
            publisher.write(b"\0\1\0\0\4\0\0\0abc\0\0\0\0\0")

    thread = threading.Thread(target=talk)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.mark.usefixtures("talker")
def test_topics_are_listed_with_nodes_rates_and_bandwidth(domain: int) -> None:
    with Participant(domain) as other:
        chat, silence = survey(other, other.node("_surveyor"), 1.5)
    assert (chat.name, chat.types, chat.publishers, chat.subscriptions) == ("/chat", [STRING], ["/a/talker"], [])
    assert chat.rate_hz == pytest.approx(20, rel=0.2)
    assert chat.bytes_per_s == pytest.approx(16 * 20, rel=0.2)
    assert (silence.name, silence.publishers, silence.subscriptions) == ("/silence", [], ["/a/talker"])
    assert silence.rate_hz is None


@pytest.mark.usefixtures("talker")
def test_only_the_topics_asked_for_are_listened_to(domain: int) -> None:
    with Participant(domain) as other:
        assert [topic.name for topic in survey(other, other.node("_surveyor"), 0.5, ["/silence"])] == ["/silence"]
