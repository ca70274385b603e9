"""What waits for a busy component: the newest picture, as many commands as asked for, each timer once."""

from __future__ import annotations

from typing import Any

import pytest

from convoy.graph import Component, ImageInput, Input, QoS
from convoy.graph.bench import Bench
from convoy.graph.inbox import Inbox
from convoy.interfaces import cdr
from convoy.interfaces.messages import CompressedImage, Image, String, make


class Reader(Component):
    """Notes what it reads."""

    image = ImageInput("image")
    text = Input("text", String, QoS(depth=3))

    def __init__(self) -> None:
        super().__init__("reader")
        self.read: list[str] = []

    def deliver(self, subscription: Any, data: Any) -> None:
        message = cdr.deserialize(data, subscription.type_name)
        self.read.append(message.data if subscription.input == "text" else message.header.frame_id)

    def on_image(self, image: Any) -> None: ...
    def on_text(self, message: Any) -> None: ...


@pytest.fixture
def reader() -> Reader:
    return Bench(Reader()).component


@pytest.fixture
def inbox(reader: Reader) -> Inbox:
    return Inbox(reader)


def put_text(inbox: Inbox, text: str) -> bool:
    (subscription,) = Reader.inputs["text"].subscriptions()
    return inbox.put(subscription, cdr.serialize(make(String, data=text)))


def put_image(inbox: Inbox, name: str, kind: type = Image) -> bool:
    raw, compressed = Reader.inputs["image"].subscriptions()
    message = make(kind)
    message.header.frame_id = name
    return inbox.put(raw if kind is Image else compressed, cdr.serialize(message))


def empty(inbox: Inbox) -> None:
    while (work := inbox.next()) is not None:
        work()


def test_messages_come_out_in_the_order_they_came_in(reader: Reader, inbox: Inbox) -> None:
    put_text(inbox, "a")
    put_image(inbox, "1")
    put_text(inbox, "b")
    empty(inbox)
    assert reader.read == ["a", "1", "b"]


def test_the_latest_picture_takes_the_place_of_the_one_that_waits(reader: Reader, inbox: Inbox) -> None:
    pushed_out = [put_image(inbox, name) for name in "123"]
    put_text(inbox, "a")
    put_image(inbox, "4")
    empty(inbox)
    assert pushed_out == [False, True, True]
    assert reader.read == ["4", "a"]
    assert reader.traffic.replaced == {"image": 3}


def test_one_transport_does_not_push_out_the_other(reader: Reader, inbox: Inbox) -> None:
    put_image(inbox, "raw")
    put_image(inbox, "compressed", CompressedImage)
    empty(inbox)
    assert reader.read == ["raw", "compressed"]


def test_other_inputs_keep_as_many_as_their_depth_and_lose_the_oldest(reader: Reader, inbox: Inbox) -> None:
    assert [put_text(inbox, text) for text in "abcde"] == [False, False, False, True, True]
    empty(inbox)
    assert reader.read == ["c", "d", "e"]
    assert reader.traffic.replaced == {"text": 2}


def test_what_was_pushed_out_is_counted_once(reader: Reader, inbox: Inbox) -> None:
    for _ in range(2):
        put_image(inbox, "1")
        put_image(inbox, "2")
        empty(inbox)
    assert reader.traffic.replaced == {"image": 2}


def test_a_timer_comes_first_but_not_twice_in_a_row(reader: Reader, inbox: Inbox) -> None:
    put_text(inbox, "a")
    put_text(inbox, "b")

    def tick() -> None:
        reader.read.append("tick")
        if len(reader.read) < 8:
            inbox.put_timer(tick)  # slower than its period

    inbox.put_timer(tick)
    empty(inbox)
    assert reader.read == ["tick", "a", "tick", "b", "tick", "tick", "tick", "tick"]


def test_a_timer_waits_once_and_may_be_taken_out(reader: Reader, inbox: Inbox) -> None:
    def tick() -> None:
        reader.read.append("tick")

    inbox.put_timer(tick)
    inbox.put_timer(tick)
    empty(inbox)
    assert reader.read == ["tick"]
    inbox.put_timer(tick)
    inbox.drop_timer(tick)
    assert inbox.next() is None
