"""Runs a graph of components in this process: deterministic, on a simulated clock, as fast as the machine allows."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from convoy.graph import Component, ComponentError, NodeName, Output, Subscription
from convoy.graph.host import Cancel
from convoy.graph.inbox import Inbox
from convoy.interfaces import cdr
from convoy.interfaces.messages import type_name


@dataclass(frozen=True, slots=True)
class Published:
    """A message that a component of the graph has published."""

    component: Component
    topic: str
    type_name: str
    data: memoryview
    """CDR bytes. Components get them too, not the object: a float32 is as coarse here as on the wire."""
    time_ns: int


@dataclass(eq=False)
class _Seat:
    """One component in the executor: what its topics are called, and what waits for it while it is busy."""

    component: Component
    node: NodeName
    inbox: Inbox
    topics: dict[str, str]
    """Where each output leads, resolved once."""
    busy_until: int = 0


class InProcess:
    """An executor of one thread in which time moves from event to event.

    Events happen in the order of their time, then topic, then sequence; timers come before messages of the same time.
    Two runs with the same input give the same output.

    With `live_latency` a live robot is simulated instead: a handler takes as long as it took on the wall, its
    component is busy for as long, its output appears when it is done, and what arrives meanwhile waits in an `Inbox`
    as on every live host. That is what it depends on the machine for.

    Args:
        on_publish: is told of every message that a component publishes.
        live_latency: see above.
        records: tells of a topic and its message type whether `on_publish` wants it. What takes time to make, and
            neither it nor a component of the graph wants, is not made.
    """

    def __init__(
        self,
        on_publish: Callable[[Published], None] = lambda published: None,
        *,
        live_latency: bool = False,
        records: Callable[[str, str], bool] = lambda topic, type_: True,
    ) -> None:
        self.live_latency = live_latency
        self.dropped: Counter[str] = Counter()
        """Messages that live latency pushed out of an inbox, per topic."""
        self._on_publish = on_publish
        self._records = records
        self._now = 0
        self._working_since: int | None = None
        self._sequence = itertools.count()
        self._events: list[tuple[int, str, int, Callable[[], None]]] = []
        self._seats: dict[Component, _Seat] = {}
        self._subscribers: dict[tuple[str, str], list[tuple[_Seat, Subscription]]] = defaultdict(list)

    def add(self, component: Component, node: NodeName | None = None) -> None:
        """Take a component into the graph, before `start`."""
        component.attach(self)
        node = node or NodeName(component.name)
        topics = {name: node.topic(port.topic) for name, port in component.outputs.items()}
        seat = self._seats[component] = _Seat(component, node, Inbox(component), topics)
        for port in component.inputs.values():
            for subscription in port.subscriptions():
                topic = seat.node.topic(subscription.topic, subscription.suffix)
                self._subscribers[topic, subscription.type_name].append((seat, subscription))

    @property
    def nodes(self) -> Iterable[tuple[Component, NodeName]]:
        """The components of the graph and where they stand in it, in the order they were added."""
        return [(seat.component, seat.node) for seat in self._seats.values()]

    @property
    def subscribed(self) -> set[tuple[str, str]]:
        """What the graph listens to: pairs of topic and message type."""
        return set(self._subscribers)

    @property
    def published(self) -> set[str]:
        """The topics that the graph publishes."""
        return {topic for seat in self._seats.values() for topic in seat.topics.values()}

    def start(self, time_ns: int) -> None:
        """Configure and activate all components, at the given time.

        Raises:
            ComponentError: a component failed to; all are shut down again.
        """
        self._now = time_ns
        try:
            for component in self._seats:
                component.configure()
            for component in self._seats:
                component.activate()
        except ComponentError as failure:
            try:
                self.stop()
            except ComponentError as further:
                raise ComponentError(f"{failure}; {further}") from failure
            raise

    def stop(self) -> None:
        """Shut all components down, the last one first.

        Raises:
            ComponentError: names every step that failed; all are shut down even then.
        """
        failures = []
        for component in reversed(self._seats):
            try:
                component.shutdown()
            except ComponentError as failure:
                failures.append(str(failure))
        if failures:
            raise ComponentError("; ".join(failures))

    def feed(self, time_ns: int, topic: str, type_: str, payload: cdr.Bytes) -> None:
        """Let everything happen before `time_ns`, then put a message on a topic.

        Messages must be fed in the order of their time; one that is late arrives now. It is delivered once time moves
        on, by a further message or by `run_until`.
        """
        if (topic, type_) in self._subscribers:
            self.run_before(time_ns)
            self._post(max(time_ns, self._now), topic, type_, payload)

    def run_before(self, time_ns: int) -> None:
        """Let everything happen that happens before `time_ns`."""
        while self._events and self._events[0][0] < time_ns:
            self._now, _, _, event = heapq.heappop(self._events)
            event()

    def run_until(self, time_ns: int) -> None:
        """Let everything happen that happens up to and including `time_ns`."""
        self.run_before(time_ns + 1)
        self._now = max(self._now, time_ns)

    # The host of each component.

    def publish(self, component: Component, output: Output, data: memoryview) -> None:
        topic = self._seats[component].topics[output.name]
        published = Published(component, topic, type_name(output.message), data, self.now())
        if published.time_ns > self._now:
            self._push(published.time_ns, topic, lambda: self._publish(published))
        else:
            self._publish(published)

    def listens(self, component: Component, output: Output) -> bool:
        topic, type_ = self._seats[component].topics[output.name], type_name(output.message)
        return (topic, type_) in self._subscribers or self._records(topic, type_)

    def now(self) -> int:
        """Return the time of the event at hand; with live latency, and of what has been done about it."""
        if self._working_since is None:
            return self._now
        return self._now + time.perf_counter_ns() - self._working_since

    def every(self, component: Component, period_ns: int, callback: Callable[[], None]) -> Cancel:
        seat, due, cancelled = self._seats[component], self._now, False

        def push() -> None:
            nonlocal due
            due += period_ns
            self._push(due, "", tick)

        def tick() -> None:
            if cancelled:
                return
            push()
            if self._is_busy(seat):
                seat.inbox.put_timer(callback)
            else:
                self._work(seat, callback)

        def cancel() -> None:
            nonlocal cancelled
            cancelled = True
            seat.inbox.drop_timer(callback)

        push()
        return cancel

    # Inside.

    def _publish(self, published: Published) -> None:
        self._on_publish(published)
        self._post(self._now, published.topic, published.type_name, published.data)

    def _push(self, time_ns: int, topic: str, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time_ns, topic, next(self._sequence), event))

    def _post(self, time_ns: int, topic: str, type_: str, payload: cdr.Bytes) -> None:
        for seat, subscription in self._subscribers.get((topic, type_), ()):
            self._push(time_ns, topic, self._delivery(seat, topic, subscription, payload))

    def _delivery(self, seat: _Seat, topic: str, subscription: Subscription, payload: cdr.Bytes) -> Callable[[], None]:
        def deliver() -> None:
            if not self._is_busy(seat):
                self._work(seat, lambda: seat.component.deliver(subscription, payload))
            elif seat.inbox.put(subscription, payload):
                self.dropped[topic] += 1

        return deliver

    # Live latency: who is busy, and what comes after.

    def _is_busy(self, seat: _Seat) -> bool:
        return self._now < seat.busy_until

    def _work(self, seat: _Seat, call: Callable[[], None]) -> None:
        if not self.live_latency:
            call()
            return
        self._working_since = time.perf_counter_ns()
        try:
            call()
        finally:
            seat.busy_until = self.now()
            self._working_since = None
        self._push(seat.busy_until, "", lambda: self._resume(seat))

    def _resume(self, seat: _Seat) -> None:
        if not self._is_busy(seat) and (call := seat.inbox.next()) is not None:
            self._work(seat, call)
