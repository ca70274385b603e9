"""The in-process executor: one order of events, the same bytes each time, and a live robot's latency on request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convoy.graph import Component, ComponentError, ImageInput, Input, Level, NodeName, Output, State, Timer
from convoy.hosts.in_process import InProcess, Published
from convoy.interfaces import cdr
from convoy.interfaces.images import CameraImage, encode
from convoy.interfaces.messages import DiagnosticArray, Header, String, make, time, type_name

MS = 1_000_000
STRING, IMAGE = "std_msgs/msg/String", "sensor_msgs/msg/Image"


class Repeater(Component):
    """Repeats what it hears on one topic on another, and notes what happens."""

    text = Input("a", String)
    other = Input("b", String)
    echo = Output("echo", String)
    tick = Timer(0.01)

    def __init__(self, name: str = "repeater", happened: list[str] | None = None) -> None:
        super().__init__(name)
        self.happened = happened if happened is not None else []
        self.fails: dict[str, Exception] = {}

    def on_configure(self) -> None:
        self.note("configure")

    def on_activate(self) -> None:
        self.note("activate")

    def on_deactivate(self) -> None:
        self.note("deactivate")

    def on_cleanup(self) -> None:
        self.note("cleanup")

    def on_text(self, message: Any) -> None:
        self.note(f"a{message.data}")
        self.echo.publish(make(String, data=message.data))

    def on_other(self, message: Any) -> None:
        self.note(f"b{message.data}")

    def on_tick(self) -> None:
        self.note("tick")

    def note(self, what: str) -> None:
        self.happened.append(f"{self.name}: {what}")
        if what in self.fails:
            raise self.fails[what]


def text(data: str) -> memoryview:
    return cdr.serialize(make(String, data=data))


def graph(*components: Component) -> tuple[InProcess, list[Published]]:
    published: list[Published] = []
    executor = InProcess(published.append)
    for component in components:
        executor.add(component)
    return executor, published


def results(published: list[Published]) -> list[tuple[int, str, str]]:
    return [
        (item.time_ns, item.topic, cdr.deserialize(item.data, STRING).data)
        for item in published
        if item.type_name == STRING
    ]


# Order.


def test_events_happen_by_time_then_topic_then_sequence_with_timers_first() -> None:
    repeater = Repeater()
    executor, _ = graph(repeater)
    executor.start(0)
    for time_ns, topic, data in [
        (5 * MS, "/b", "1"),
        (10 * MS, "/b", "2"),
        (10 * MS, "/a", "3"),
        (10 * MS, "/b", "4"),
        (10 * MS, "/a", "5"),
    ]:
        executor.feed(time_ns, topic, STRING, text(data))
    executor.run_until(10 * MS)
    happened = [line.removeprefix("repeater: ") for line in repeater.happened]
    assert happened == ["configure", "activate", "b1", "tick", "a3", "a5", "b2", "b4"]


def test_what_a_component_publishes_takes_its_place_among_the_events_of_its_time() -> None:
    class Listener(Component):
        echo = Input("echo", String)
        late = Input("z", String)

        def on_echo(self, message: Any) -> None:
            happened.append(f"echo {message.data}")

        def on_late(self, message: Any) -> None:
            happened.append(f"z {message.data}")

    happened: list[str] = []
    executor, published = graph(Listener("listener"), Repeater("repeater", happened))
    executor.start(0)
    executor.feed(1 * MS, "/z", STRING, text("1"))
    executor.feed(1 * MS, "/a", STRING, text("1"))
    executor.run_until(1 * MS)
    assert happened[2:] == ["repeater: a1", "echo 1", "z 1"]
    assert results(published) == [(1 * MS, "/echo", "1")]


def test_messages_wait_for_time_to_move_on() -> None:
    repeater = Repeater()
    executor, published = graph(repeater)
    executor.start(0)
    executor.feed(1 * MS, "/a", STRING, text("1"))
    assert results(published) == []
    executor.run_before(1 * MS)
    assert results(published) == []
    executor.run_until(1 * MS)
    assert results(published) == [(1 * MS, "/echo", "1")]
    executor.run_until(1 * MS)
    assert len(results(published)) == 1


def test_a_late_message_arrives_now() -> None:
    executor, published = graph(Repeater())
    executor.start(0)
    executor.run_until(5 * MS)
    executor.feed(1 * MS, "/a", STRING, text("1"))
    executor.run_until(5 * MS)
    assert results(published) == [(5 * MS, "/echo", "1")]


def test_timers_start_with_the_graph_and_keep_their_grid() -> None:
    repeater = Repeater()
    executor, _ = graph(repeater)
    executor.start(3 * MS)
    executor.run_until(12 * MS)
    assert "repeater: tick" not in repeater.happened
    executor.run_until(103 * MS)
    assert repeater.happened.count("repeater: tick") == 10


def test_components_get_what_is_on_their_resolved_topics_and_of_their_type() -> None:
    front, rear = Repeater("front"), Repeater("rear")
    published: list[Published] = []
    executor = InProcess(published.append)
    executor.add(front, NodeName("front", "/robot"))
    executor.add(rear, NodeName("rear", "/", {"a": "/robot/echo"}))
    assert executor.subscribed == {("/robot/a", STRING), ("/robot/b", STRING), ("/robot/echo", STRING), ("/b", STRING)}
    assert executor.published == {"/diagnostics", "/robot/echo", "/echo"}
    assert [(component.name, node.full) for component, node in executor.nodes] == [
        ("front", "/robot/front"),
        ("rear", "/rear"),
    ]
    executor.start(0)
    executor.feed(1 * MS, "/robot/a", STRING, text("1"))
    executor.feed(1 * MS, "/a", STRING, text("2"))
    executor.feed(1 * MS, "/robot/a", IMAGE, text("3"))
    executor.run_until(1 * MS)
    assert results(published) == [(1 * MS, "/robot/echo", "1"), (1 * MS, "/echo", "1")]


# Determinism.


class Camera(Component):
    """Publishes noise, from a seed, and hears it again as everybody else does."""

    image = ImageInput("image")
    noise = Output("image", type(make(type(encode(np.zeros((1, 1), np.uint8), "mono8", make(Header))))))
    mean = Output("mean", String)
    tick = Timer(0.02)

    def on_activate(self) -> None:
        self.random = np.random.default_rng(7)

    def on_tick(self) -> None:
        pixels = self.random.integers(0, 256, (8, 8), np.uint8)
        self.noise.publish(encode(pixels, "mono8", make(Header, stamp=time(self.now()))))

    def on_image(self, image: CameraImage) -> None:
        self.mean.publish(make(String, data=f"{image.pixels.mean()}"))


def test_two_runs_give_the_same_bytes() -> None:
    runs = []
    for _ in range(2):
        executor, published = graph(Camera("camera"), Repeater())
        executor.start(1_700_000_000_000 * MS)
        for number in range(100):
            executor.feed(1_700_000_000_000 * MS + number * 7 * MS, "/a", STRING, text(str(number)))
        executor.run_until(1_700_000_003_000 * MS)
        executor.stop()
        runs.append([(item.topic, item.time_ns, bytes(item.data)) for item in published])
    assert runs[0] == runs[1]
    topics = [topic for topic, _, _ in runs[0]]
    assert (topics.count("/image"), topics.count("/mean"), topics.count("/echo")) == (150, 150, 100)
    assert topics.count("/diagnostics") == 2 * 3


def test_messages_travel_as_bytes_so_that_numbers_are_as_coarse_as_on_the_wire() -> None:
    first, second = Camera("first"), Camera("second")
    executor, published = graph(first, second)
    executor.start(0)
    executor.run_until(20 * MS)
    images = [item for item in published if item.type_name == IMAGE]
    assert len(images) == 2
    assert all(isinstance(item.data, memoryview) and item.data.readonly for item in images)


# Failures.


def errors(published: list[Published]) -> list[str]:
    arrays = [
        cdr.deserialize(item.data, item.type_name) for item in published if item.type_name == type_name(DiagnosticArray)
    ]
    return [
        f"{status.name}: {status.message}" for array in arrays for status in array.status if status.level == Level.ERROR
    ]


def test_a_component_that_fails_leaves_the_others_alive() -> None:
    faulty, sound = Repeater("faulty"), Repeater("sound")
    faulty.fails["a1"] = ComponentError("on purpose")
    faulty.fails["tick"] = ZeroDivisionError("on purpose")
    executor, published = graph(faulty, sound)
    executor.start(0)
    executor.feed(1 * MS, "/a", STRING, text("1"))
    executor.feed(2 * MS, "/a", STRING, text("2"))
    executor.run_until(50 * MS)
    assert [data for _, _, data in results(published)] == ["1", "2", "2"]
    assert sound.happened.count("sound: tick") == faulty.happened.count("faulty: tick") == 5
    assert errors(published) == [
        "faulty: Errors: text: on purpose",
        "faulty: Errors: tick: ZeroDivisionError: on purpose",
    ]


@pytest.mark.parametrize("step", ["configure", "activate"])
def test_a_graph_of_which_a_component_does_not_start_is_shut_down(step: str) -> None:
    happened: list[str] = []
    first, second = Repeater("first", happened), Repeater("second", happened)
    second.fails[step] = ComponentError("no power")
    executor, published = graph(first, second)
    with pytest.raises(ComponentError, match=f"^second: {step} failed: no power$"):
        executor.start(0)
    assert first.state is second.state is State.FINALIZED
    assert happened[-1] == "first: cleanup"
    assert errors(published) == [f"second: Errors: {step}: no power"]


def test_why_a_graph_does_not_start_is_not_lost_when_stopping_fails_too() -> None:
    first, second = Repeater("first"), Repeater("second")
    first.fails["cleanup"] = ComponentError("no broom")
    second.fails["configure"] = ComponentError("no power")
    executor, _ = graph(first, second)
    with pytest.raises(ComponentError, match="second: configure failed: no power; first: cleanup failed: no broom"):
        executor.start(0)


def test_stop_shuts_all_down_the_last_first_and_names_what_fails() -> None:
    happened: list[str] = []
    first, second = Repeater("first", happened), Repeater("second", happened)
    second.fails["deactivate"] = ComponentError("stuck")
    executor, _ = graph(first, second)
    executor.start(0)
    with pytest.raises(ComponentError, match=r"^second: deactivate failed: stuck$"):
        executor.stop()
    assert happened[-4:] == ["second: deactivate", "second: cleanup", "first: deactivate", "first: cleanup"]
    assert first.state is second.state is State.FINALIZED


def test_who_records_and_cannot_go_on_ends_the_run() -> None:
    def record(published: Published) -> None:
        if published.topic == "/echo":
            raise OSError("disk full")

    executor = InProcess(record)
    executor.add(Repeater())
    executor.start(0)
    executor.feed(1 * MS, "/a", STRING, text("1"))
    with pytest.raises(OSError, match="disk full"):
        executor.run_until(1 * MS)


# Live latency, with a stopwatch that is moved by hand.


class Stopwatch:
    ns = 0

    def perf_counter_ns(self) -> int:
        return self.ns


class Slow(Component):
    """Takes 30 ms for each picture."""

    image = ImageInput("image")
    text = Input("text", String)
    seen = Output("seen", Header)
    heard = Output("heard", String)
    tick = Timer(0.05)

    def __init__(self, stopwatch: Stopwatch) -> None:
        super().__init__("slow")
        self.stopwatch = stopwatch
        self.ticks: list[int] = []

    def on_image(self, image: CameraImage) -> None:
        self.stopwatch.ns += 30 * MS
        self.seen.publish(image.header)

    def on_text(self, message: Any) -> None:
        self.heard.publish(message)

    def on_tick(self) -> None:
        self.ticks.append(self.now() // MS)


class Live:
    """A graph of one slow component."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.published: list[Published] = []
        self.executor = InProcess(self.published.append, live_latency=True)
        self.slow = Slow(stopwatch)
        self.executor.add(self.slow)
        self.executor.start(0)

    def show(self, at_ms: int) -> None:
        image = encode(np.zeros((2, 2), np.uint8), "mono8", make(Header, stamp=time(at_ms * MS)))
        self.executor.feed(at_ms * MS, "/image", IMAGE, cdr.serialize(image))

    def seen(self) -> list[tuple[int, int]]:
        """When each picture was published, and its stamp, in milliseconds."""
        return [
            (item.time_ns // MS, cdr.deserialize(item.data, item.type_name).stamp.nanosec // MS)
            for item in self.published
            if item.topic == "/seen"
        ]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    stopwatch = Stopwatch()
    monkeypatch.setattr("convoy.hosts.in_process.time", stopwatch)
    return Live(stopwatch)


def test_with_live_latency_a_result_appears_when_it_is_done(live: Live) -> None:
    live.show(0)
    live.executor.run_until(29 * MS)
    assert live.seen() == []
    live.executor.run_until(30 * MS)
    assert live.seen() == [(30, 0)]


def test_with_live_latency_the_latest_frame_waits_and_the_rest_is_dropped_and_counted(live: Live) -> None:
    for at_ms in range(0, 100, 10):
        live.show(at_ms)
    live.executor.run_until(1000 * MS)
    assert live.seen() == [(30, 0), (60, 20), (90, 50), (120, 80), (150, 90)]
    assert live.executor.dropped == {"/image": 5}


def test_with_live_latency_commands_wait_their_turn(live: Live) -> None:
    live.show(0)
    for number in range(5):
        live.executor.feed(number * MS, "/text", STRING, text(str(number)))
    live.executor.run_until(1000 * MS)
    assert results(live.published) == [(30 * MS, "/heard", str(number)) for number in range(5)]


def test_with_live_latency_timers_are_late_but_keep_their_grid(live: Live) -> None:
    live.show(40)
    live.executor.run_until(160 * MS)
    assert live.slow.ticks == [70, 100, 150]


def test_with_live_latency_nothing_happens_to_a_component_that_is_shut_down(live: Live) -> None:
    live.show(40)
    live.executor.run_until(60 * MS)  # a timer's call waits
    live.executor.stop()
    live.executor.run_until(1000 * MS)
    assert live.slow.ticks == []


def test_diagnostics_tell_the_latency_and_what_was_dropped(live: Live) -> None:
    for at_ms in (0, 10, 20, 30):
        live.show(at_ms)
    live.executor.run_until(1000 * MS)
    status, _ = [
        {value.key: value.value for value in status.values}
        for item in live.published
        if item.type_name == type_name(DiagnosticArray)
        for status in cdr.deserialize(item.data, item.type_name).status
    ]
    assert status["age at publish p50 (ms)"] == "40.0"
    assert status["image replaced"] == "1"
    assert status["image received (Hz)"] == "3.0"


def test_without_live_latency_nothing_takes_time() -> None:
    stopwatch, published = Stopwatch(), list[Published]()
    executor = InProcess(published.append)
    executor.add(Slow(stopwatch))
    executor.start(0)
    executor.feed(0, "/image", IMAGE, cdr.serialize(encode(np.zeros((2, 2), np.uint8), "mono8", make(Header))))
    executor.run_until(0)
    assert [item.time_ns for item in published] == [0]


def test_an_output_is_wanted_by_a_component_that_listens_or_by_who_records() -> None:
    first, second = Repeater("first"), Repeater("second")
    executor = InProcess(records=lambda topic, type_: topic == "/second/echo" and type_ == STRING)
    executor.add(first, NodeName("first", remappings={"echo": "a"}))
    executor.add(second, NodeName("second", remappings={"echo": "second/echo"}))
    third = Repeater("third")
    executor.add(third, NodeName("third", remappings={"echo": "third/echo"}))
    assert [component.echo.wanted for component in (first, second, third)] == [True, True, False]


def test_everything_is_recorded_unless_something_else_is_said() -> None:
    component = Repeater()
    InProcess().add(component)
    assert component.echo.wanted
