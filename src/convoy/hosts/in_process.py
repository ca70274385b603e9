"""Runs a graph of components in this process: deterministic, on a simulated clock, as fast as the machine allows."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from convoy.graph import Component, NodeName, Output, Subscription
from convoy.graph.host import Cancel
from convoy.interfaces import cdr
from convoy.interfaces.messages import Message, type_name


@dataclass(frozen=True, slots=True)
class Published:
    """A message that a component of the graph has published."""

    component: Component
    topic: str
    type_name: str
    data: memoryview
    """CDR bytes. Components get them too, not the object: a float32 is as coarse here as on the wire."""
    time_ns: int


@dataclass
class _Seat:
    """One component in the executor: where its topics lead, and what waits for it while it is busy."""

    component: Component
    node: NodeName
    busy_until: int = 0
    waiting: deque[tuple[str, Callable[[], None]]] = field(default_factory=deque)


class InProcess:
    """An executor of one thread in which time moves from event to event.

    Events happen in the order of their time, then topic, then sequence; timers come before messages of the same time.
    Two runs with the same input give the same output.

    With `live_latency` a live robot is simulated instead: a handler takes as long as it took on the wall, its
    component is busy for as long, its output appears when it is done, and of an input that wants the latest message
    only one waits and the rest are dropped. That is what it depends on the machine for.

    Args:
        on_publish: is told of every message that a component publishes.
        live_latency: see above.
    """

    def __init__(
        self, on_publish: Callable[[Published], None] = lambda published: None, *, live_latency: bool = False
    ) -> None:
        self.dropped: Counter[str] = Counter()
        """Messages dropped by live latency, per topic."""
        self._on_publish = on_publish
        self._live_latency = live_latency
        self._now = 0
        self._sequence = itertools.count()
        self._events: list[tuple[int, str, int, Callable[[], None]]] = []
        self._seats: dict[Component, _Seat] = {}
        self._subscribers: dict[tuple[str, str], list[tuple[_Seat, Subscription]]] = defaultdict(list)

    def add(self, component: Component, node: NodeName | None = None) -> None:
        """Take a component into the graph, before `start`."""
        component.attach(self)
        seat = _Seat(component, node or NodeName(component.name))
        self._seats[component] = seat
        for port in component.inputs.values():
            for subscription in port.subscriptions():
                topic = seat.node.topic(subscription.topic) + subscription.suffix
                self._subscribers[topic, subscription.type_name].append((seat, subscription))

    @property
    def nodes(self) -> list[tuple[Component, NodeName]]:
        """The components of the graph and their names, in the order they were added."""
        return [(seat.component, seat.node) for seat in self._seats.values()]

    @property
    def subscribed(self) -> set[tuple[str, str]]:
        """What the graph listens to: pairs of topic and message type."""
        return set(self._subscribers)

    @property
    def published(self) -> set[str]:
        """The topics that the graph publishes."""
        return {
            seat.node.topic(port.topic) for seat in self._seats.values() for port in seat.component.outputs.values()
        }

    def start(self, time_ns: int) -> None:
        """Configure and activate all components, at the given time.

        Raises:
            ComponentError: a component failed to; those before it are shut down again.
        """
        self._now = time_ns
        try:
            for component in self._seats:
                component.configure()
            for component in self._seats:
                component.activate()
        except Exception:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut all components down, the last one first."""
        for component in reversed(self._seats):
            component.shutdown()

    def feed(self, time_ns: int, topic: str, type_: str, payload: cdr.Bytes) -> None:
        """Let everything happen until `time_ns`, then put a message on a topic.

        Messages must be fed in the order of their time. `run_until` lets the last ones happen.
        """
        if (topic, type_) in self._subscribers:
            self._run_before(time_ns, topic)
            self._post(max(time_ns, self._now), topic, type_, payload)

    def run_until(self, time_ns: int) -> None:
        """Let everything happen that happens up to and including `time_ns`."""
        self._run_before(time_ns + 1, "")
        self._now = max(self._now, time_ns)

    # The host of each component.

    def publish(self, component: Component, output: Output, message: Message) -> None:
        topic = self._seats[component].node.topic(output.topic)
        data = cdr.serialize(message)
        if self._live_latency and self._handler_started is not None:
            done = self._now + time.perf_counter_ns() - self._handler_started
        else:
            done = self._now
        if done > self._now:
            self._push(done, topic, lambda: self._publish(Published(component, topic, type_name(message), data, done)))
        else:
            self._publish(Published(component, topic, type_name(message), data, done))

    def now(self) -> int:
        return self._now

    def after(self, component: Component, delay_ns: int, callback: Callable[[int], None]) -> Cancel:
        due, cancelled = self._now + delay_ns, False
        seat = self._seats[component]

        def fire() -> None:
            if not cancelled:
                self._handle(seat, "", lambda: callback(self._now - due))

        def cancel() -> None:
            nonlocal cancelled
            cancelled = True

        self._push(due, "", fire)
        return cancel

    # Inside.

    _handler_started: int | None = None

    def _publish(self, published: Published) -> None:
        self._on_publish(published)
        self._post(self._now, published.topic, published.type_name, published.data)

    def _push(self, time_ns: int, topic: str, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time_ns, topic, next(self._sequence), event))

    def _post(self, time_ns: int, topic: str, type_: str, payload: cdr.Bytes) -> None:
        for seat, subscription in self._subscribers.get((topic, type_), ()):
            self._push(time_ns, topic, self._delivery(seat, topic, subscription, payload))

    def _delivery(self, seat: _Seat, topic: str, subscription: Subscription, payload: cdr.Bytes) -> Callable[[], None]:
        return lambda: self._handle(
            seat,
            topic if seat.component.inputs[subscription.input].latest else "",
            lambda: seat.component.deliver(subscription, payload),
        )

    def _run_before(self, time_ns: int, topic: str) -> None:
        while self._events and self._events[0][:2] < (time_ns, topic):
            due, _, _, event = heapq.heappop(self._events)
            self._now = max(self._now, due)
            event()

    def _handle(self, seat: _Seat, latest_topic: str, call: Callable[[], None]) -> None:
        """Run a handler; under live latency, only when its component is free."""
        if not self._live_latency:
            call()
            return
        if self._now < seat.busy_until:
            if latest_topic:
                kept = deque(item for item in seat.waiting if item[0] != latest_topic)
                if len(kept) < len(seat.waiting):
                    self.dropped[latest_topic] += 1
                seat.waiting = kept
            if not seat.waiting:
                self._push(seat.busy_until, "", lambda: self._resume(seat))
            seat.waiting.append((latest_topic, call))
            return
        self._handler_started = time.perf_counter_ns()
        try:
            call()
        finally:
            seat.busy_until = self._now + time.perf_counter_ns() - self._handler_started
            self._handler_started = None

    def _resume(self, seat: _Seat) -> None:
        waiting, seat.waiting = seat.waiting, deque()
        for latest_topic, call in waiting:
            self._handle(seat, latest_topic, call)
