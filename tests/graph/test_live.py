"""A component on a live host: its own thread, the latest picture, real or simulated time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from convoy.graph import Component, ComponentError, ImageInput, Input, Level, Output, QoS, Timer
from convoy.graph.live import LiveHost
from convoy.interfaces import cdr
from convoy.interfaces.images import CameraImage, encode
from convoy.interfaces.messages import Header, String, make, type_name

SECOND = 1_000_000_000
PATIENCE_S = 10.0


class Worker(Component):
    """Repeats what it hears; its handlers of pictures last until they are let go."""

    image = ImageInput("image")
    text = Input("text", String, QoS(depth=3))
    echo = Output("echo", String)
    tick = Timer(0.01)

    def __init__(self) -> None:
        super().__init__("worker")
        self.busy, self.go_on = threading.Event(), threading.Event()
        self.threads: set[str] = set()
        self.ticks: list[int] = []
        self.deactivated = False

    def on_image(self, image: CameraImage) -> None:
        self.threads.add(threading.current_thread().name)
        self.busy.set()
        assert self.go_on.wait(PATIENCE_S)
        self.echo.publish(make(String, data=image.header.frame_id))

    def on_text(self, message: Any) -> None:
        self.echo.publish(make(String, data=message.data))

    def on_tick(self) -> None:
        self.ticks.append(self.now())

    def on_deactivate(self) -> None:
        self.deactivated = True


class Rig:
    """A worker on a live host, and what it sent."""

    def __init__(self, simulated_time: bool = False) -> None:
        self.worker = Worker()
        self.sent: list[tuple[str, Any]] = []
        self.faults: dict[str, Exception] = {}
        self.heard: set[str] = set()
        self.host = LiveHost(
            self.worker, self.send, lambda output: output.name in self.heard, simulated_time=simulated_time
        )
        self.host.start()
        self.host.call(self.worker.configure)
        self.host.call(self.worker.activate)

    def send(self, output: Output, data: memoryview) -> None:
        if output.name in self.faults:
            raise self.faults[output.name]
        self.sent.append((output.name, cdr.deserialize(data, type_name(output.message))))

    def put(self, text: str) -> None:
        (subscription,) = Worker.inputs["text"].subscriptions()
        self.host.put(subscription, cdr.serialize(make(String, data=text)))

    def show(self, name: str) -> None:
        raw, _ = Worker.inputs["image"].subscriptions()
        image = encode(np.zeros((2, 2), np.uint8), "mono8", make(Header, frame_id=name))
        self.host.put(raw, cdr.serialize(image))

    def show_until_busy(self) -> None:
        self.show("first")
        assert self.worker.busy.wait(PATIENCE_S)

    def errors(self, level: Level) -> list[str]:
        """What was said of errors on /diagnostics."""
        statuses = [status for name, array in list(self.sent) if name == "diagnostics" for status in array.status]
        return [line.message for line in statuses if line.name == "worker: Errors" and line.level == level]

    @property
    def echoes(self) -> list[str]:
        return [message.data for name, message in self.sent if name == "echo"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.001)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.worker.go_on.set()
    rig.host.stop()


@pytest.fixture
def simulated() -> Iterator[Rig]:
    rig = Rig(simulated_time=True)
    yield rig
    rig.worker.go_on.set()
    rig.host.stop()


def test_a_component_works_on_a_thread_of_its_own_while_put_returns_at_once(rig: Rig) -> None:
    rig.show_until_busy()
    rig.show("second")
    assert rig.echoes == []
    rig.worker.go_on.set()
    until(lambda: rig.echoes == ["first", "second"])
    assert rig.worker.threads == {"worker"}


def test_while_it_is_busy_only_the_latest_picture_waits_and_the_rest_is_counted(rig: Rig) -> None:
    rig.show_until_busy()
    for name in ("second", "third", "fourth"):
        rig.show(name)
    rig.worker.go_on.set()
    until(lambda: rig.echoes == ["first", "fourth"])
    assert rig.host.call(lambda: rig.worker.traffic.replaced["image"]) == 2


def test_while_it_is_busy_commands_wait_up_to_their_depth(rig: Rig) -> None:
    rig.show_until_busy()
    for text in "abcde":
        rig.put(text)
    rig.worker.go_on.set()
    until(lambda: rig.echoes == ["first", "c", "d", "e"])
    assert rig.host.call(lambda: rig.worker.traffic.replaced["text"]) == 2


def test_timers_run_while_messages_flood_in_and_the_other_way_round(rig: Rig) -> None:
    flooding = threading.Event()

    def flood() -> None:
        while not flooding.is_set():
            rig.put("drop")

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        ticks = len(rig.worker.ticks)
        until(lambda: len(rig.worker.ticks) >= ticks + 20)
        echoes = len(rig.echoes)
        until(lambda: len(rig.echoes) >= echoes + 20)
    finally:
        flooding.set()
        thread.join()


def test_a_timer_does_not_drift(rig: Rig) -> None:
    until(lambda: len(rig.worker.ticks) >= 100)
    ticks = np.array(rig.worker.ticks)
    # Each tick is late by what the machine takes. Were that added up, the grid's phase would wander by milliseconds.
    late = (ticks - ticks[0]) % 10_000_000
    late = np.where(late > 5_000_000, late - 10_000_000, late)
    assert abs(np.median(late[-30:]) - np.median(late[:30])) < 1_000_000


def test_call_returns_and_raises_what_the_function_does(rig: Rig) -> None:
    assert rig.host.call(lambda: threading.current_thread().name) == "worker"
    with pytest.raises(ZeroDivisionError):
        rig.host.call(lambda: 1 // 0)
    with pytest.raises(ComponentError, match="worker is active, but this step needs it unconfigured"):
        rig.host.call(rig.worker.configure)


def test_stop_while_busy_lets_the_handler_and_what_was_called_for_finish(rig: Rig) -> None:
    rig.show_until_busy()
    calling = threading.Thread(target=lambda: rig.host.call(rig.worker.shutdown))
    calling.start()
    until(lambda: bool(rig.host._requests))
    stopping = threading.Thread(target=rig.host.stop)
    stopping.start()
    rig.worker.go_on.set()
    for thread in (calling, stopping):
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert rig.echoes == ["first"]
    assert rig.worker.deactivated


def test_stop_ends_the_thread_and_calls_are_refused_instead_of_waiting_for_ever(rig: Rig) -> None:
    threads = threading.active_count()
    rig.host.stop()
    rig.host.stop()
    assert threading.active_count() == threads - 1
    with pytest.raises(ComponentError, match="its thread does not run"):
        rig.host.call(rig.worker.deactivate)
    rig.put("late")


def test_a_host_that_was_never_started_refuses_calls_and_stops() -> None:
    host = LiveHost(Worker(), lambda output, data: None, lambda output: True)
    with pytest.raises(ComponentError, match="its thread does not run"):
        host.call(host.component.configure)
    host.stop()


@pytest.mark.parametrize("fault", [OSError("unplugged"), ComponentError("unplugged")])
def test_what_cannot_be_sent_is_reported_until_it_can_again(
    rig: Rig, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    rig.faults["echo"] = fault
    rig.put("lost")
    until(lambda: any(line.startswith("publish echo: ") for line in rig.errors(Level.ERROR)))
    assert "unplugged" in caplog.text
    rig.faults.clear()
    rig.put("found")
    until(lambda: rig.errors(Level.OK) == ["publish echo works again"])
    assert rig.echoes == ["found"]


def test_a_component_outlives_a_network_on_which_nothing_can_be_sent(rig: Rig) -> None:
    rig.faults |= {"echo": OSError("unplugged"), "diagnostics": OSError("unplugged")}
    rig.put("lost")
    until(lambda: rig.host.call(lambda: rig.worker.failures) >= 2)
    rig.faults.clear()
    rig.put("found")
    until(lambda: rig.errors(Level.OK) == ["publish diagnostics works again"])
    assert rig.echoes == ["found"]


def test_deactivation_ends_messages_and_timers(rig: Rig) -> None:
    rig.host.call(rig.worker.deactivate)
    ticks = len(rig.worker.ticks)
    rig.put("late")
    time.sleep(0.05)
    assert len(rig.worker.ticks) == ticks
    assert rig.echoes == []


# Simulated time.


def test_simulated_time_stands_still_until_it_is_moved(simulated: Rig) -> None:
    time.sleep(0.05)
    assert simulated.host.now() == 0
    assert simulated.worker.ticks == []
    simulated.host.set_time(10_000_000)
    until(lambda: simulated.worker.ticks == [10_000_000])


def test_a_leap_of_simulated_time_calls_a_timer_once(simulated: Rig) -> None:
    simulated.host.set_time(1000 * SECOND + 3_000_000)
    until(lambda: len(simulated.worker.ticks) == 1)
    simulated.host.set_time(1000 * SECOND + 9_999_999)
    simulated.put("between")
    until(lambda: simulated.echoes == ["between"])
    simulated.host.set_time(1000 * SECOND + 10_000_000)
    until(lambda: simulated.worker.ticks == [1000 * SECOND + 3_000_000, 1000 * SECOND + 10_000_000])


def test_timers_keep_their_delay_where_simulated_time_jumps_back(simulated: Rig) -> None:
    simulated.host.set_time(100 * SECOND)
    until(lambda: len(simulated.worker.ticks) == 1)
    simulated.host.set_time(100 * SECOND + 4_000_000)
    simulated.host.set_time(0)
    simulated.host.set_time(5_000_000)
    simulated.put("early")
    until(lambda: simulated.echoes == ["early"])
    assert len(simulated.worker.ticks) == 1
    simulated.host.set_time(6_000_000)
    until(lambda: simulated.worker.ticks == [100 * SECOND, 6_000_000])


def test_timers_can_be_ended_after_simulated_time_has_jumped_back(simulated: Rig) -> None:
    simulated.host.set_time(100 * SECOND)
    until(lambda: len(simulated.worker.ticks) == 1)
    simulated.host.set_time(0)
    simulated.host.call(simulated.worker.deactivate)
    simulated.host.call(simulated.worker.activate)
    simulated.host.set_time(10_000_000)
    until(lambda: len(simulated.worker.ticks) == 2)
    simulated.host.call(lambda: None)
    assert simulated.worker.ticks == [100 * SECOND, 10_000_000]


def test_a_component_is_told_whether_anybody_listens(rig: Rig) -> None:
    assert not rig.worker.echo.wanted
    rig.heard.add("echo")
    assert rig.worker.echo.wanted
