"""What a component tells of itself: on /diagnostics every second, and in the log what stays bad."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from pydantic import Field
from tests.graph.components import SECOND, Echo, EchoError, Watcher, picture

from convoy.graph import (
    Component,
    ComponentParameters,
    Level,
)
from convoy.graph.bench import Bench
from convoy.interfaces.images import encode
from convoy.interfaces.messages import DiagnosticArray, Header, String, make, time


def diagnostics(bench: Bench) -> list[Any]:
    return bench.results("diagnostics")


def test_diagnostics_come_every_second_with_the_traffic() -> None:
    bench = Bench(Watcher(), now_ns=100 * SECOND)
    bench.component.configure()
    bench.component.activate()
    for number in range(40):
        bench.pass_time(SECOND // 20 - (number == 0))  # just before each second's end
        image = picture("raw")
        image.header.stamp = time(bench.now() - 5_000_000)
        bench.deliver("image", image)
    bench.component.traffic.replaced["image"] += 3
    bench.pass_time(1)
    first, second = diagnostics(bench)
    assert [array.header.stamp.sec for array in (first, second)] == [101, 102]
    status, _ = first.status
    values = {value.key: value.value for value in status.values}
    assert (status.name, status.level, status.message) == ("watcher: Frequency Status", Level.OK, "running")
    assert values["image received (Hz)"] == "20.0"
    assert values["watch received (Hz)"] == "0.0"
    assert values["age at publish p50 (ms)"] == values["age at publish p99 (ms)"] == "5.0"
    assert {value.key: value.value for value in second.status[0].values}["image replaced"] == "3"


def test_what_is_set_is_told_with_the_diagnostics_and_secrets_are_not() -> None:
    class Locked(Component):
        class Parameters(ComponentParameters):
            speed: float = Field(1.5, description="m/s")
            token: str = Field("", repr=False, description="secret")

    bench = Bench(Locked("locked", {"token": "0123456789abcdef"}))
    bench.component.configure()
    bench.component.activate()
    bench.pass_time(SECOND)
    told = [{value.key: value.value for value in array.status[-1].values} for array in diagnostics(bench)]
    bench.component.set_parameters({"speed": 2.5})
    bench.pass_time(SECOND)
    told += [{value.key: value.value for value in diagnostics(bench)[-1].status[-1].values}]
    assert told == [{"speed": "1.5"}, {"speed": "2.5"}]


def test_silence_on_images_is_stale() -> None:
    bench = Bench(Watcher())
    bench.component.configure()
    bench.component.activate()
    bench.pass_time(SECOND)
    assert bench.reported("Frequency Status", Level.STALE) == ["nothing received on image, watch"]


def test_a_status_is_published_at_once_when_its_level_changes_and_each_second_otherwise() -> None:
    class Patient(Echo):
        def on_text(self, message: Any) -> None:
            self.report("Throat", Level.WARN if message.data else Level.OK, message.data or "fine", temperature=37.5)

    bench = Bench(Patient())
    bench.component.configure()
    bench.component.activate()
    for text in ("", "", "dry", "sore", ""):
        bench.deliver("text", make(String, data=text))
    assert bench.reported("Throat") == ["fine", "dry", "fine"]
    assert [line.values[0].value for line in diagnostics(bench)[0].status] == ["37.5"]
    bench.pass_time(SECOND)
    assert bench.reported("Throat") == ["fine", "dry", "fine", "fine"]


def test_silence_on_images_is_logged_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(Watcher())
    bench.component.configure()
    for _ in range(2):
        bench.component.activate()
        bench.pass_time(2 * SECOND)
        assert not caplog.messages, "a camera may start later"
        bench.pass_time(60 * SECOND)
        bench.deliver("image", encode(np.zeros((1, 1), np.uint8), "mono8", make(Header)))
        bench.pass_time(2 * SECOND)
        assert [(record.levelname, record.message) for record in caplog.records] == [
            ("WARNING", "Frequency Status: nothing received on image, watch"),
            ("INFO", "Frequency Status: running"),
        ]
        bench.component.deactivate()
        caplog.clear()


def test_a_status_that_stays_bad_is_logged_but_an_error_only_when_it_happens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    class Patient(Echo):
        def on_text(self, message: Any) -> None:
            super().on_text(message)
            self.report("Throat", Level.WARN if message.data else Level.OK, message.data or "fine")

    bench = Bench(Patient())
    bench.component.configure()
    bench.component.activate()
    for text in ("dry", "", "dry", "sore", ""):
        bench.deliver("text", make(String, data=text))
        bench.pass_time((3 if text == "sore" else 1) * SECOND)
    assert caplog.messages == ["Throat: sore", "Throat: fine"]
    bench.component.fails["text"] = EchoError("no voice")
    bench.deliver("text", make(String))
    bench.pass_time(10 * SECOND)
    assert caplog.messages[2:] == ["text: no voice"]


def test_diagnostics_go_to_the_one_topic_that_all_share() -> None:
    assert Component.diagnostics.topic == "/diagnostics"
    assert Component.diagnostics.message is DiagnosticArray
