"""Runs one component in real time, off the middleware's threads: what every live host shares."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from convoy.graph.component import Component
from convoy.graph.host import Cancel
from convoy.graph.ports import Output, Subscription
from convoy.interfaces import cdr
from convoy.interfaces.messages import Message


class LiveHost:
    """A host whose middleware delivers from its own threads, and whose component works on one of its own.

    The middleware calls `put` with what it received and gives a function that sends; everything between is here.
    Of an input that wants the latest message only, a message that arrives while the component is busy replaces the
    one that waits; other inputs keep as many as their depth says. What is pushed out is counted.

    Args:
        component: is attached to this host.
        send: publishes CDR bytes on the resolved topic of an output; called from the component's thread.
        simulated_time: the clock stands still at zero until `set_time` moves it.
    """

    def __init__(
        self, component: Component, send: Callable[[Output, memoryview], None], *, simulated_time: bool = False
    ) -> None:
        self.component = component
        self._send = send
        self._simulated = simulated_time
        self._time_ns = 0
        self._wake = threading.Condition()
        self._inbox: dict[tuple[str, int], tuple[Subscription, cdr.Bytes]] = {}
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self._requests: list[tuple[Callable[[], None], list[Any], threading.Event]] = []
        self._count = itertools.count(1)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=component.name, daemon=True)
        component.attach(self)

    # The host's side.

    def publish(self, component: Component, output: Output, message: Message) -> None:
        self._send(output, cdr.serialize(message))

    def now(self) -> int:
        return self._time_ns if self._simulated else time.time_ns()

    def after(self, component: Component, delay_ns: int, callback: Callable[[int], None]) -> Cancel:
        with self._wake:
            entry = (self._steady() + delay_ns, next(self._count), callback)
            heapq.heappush(self._timers, entry)
            self._wake.notify()

        def cancel() -> None:
            with self._wake:
                if entry in self._timers:
                    self._timers.remove(entry)
                    heapq.heapify(self._timers)

        return cancel

    # The middleware's side.

    def start(self) -> None:
        """Start the component's thread; the component's life cycle is the caller's, through `call`."""
        self._thread.start()

    def stop(self) -> None:
        """Let the component finish what it is doing, and end its thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def put(self, subscription: Subscription, data: cdr.Bytes) -> None:
        """Take in a received message; returns at once."""
        port = self.component.inputs[subscription.input]
        with self._wake:
            if port.latest:
                if self._inbox.pop((port.name, 0), None) is not None:
                    self.component.traffic.replaced[port.name] += 1
                self._inbox[port.name, 0] = (subscription, data)
            else:
                waiting = [key for key in self._inbox if key[0] == port.name]
                if len(waiting) >= port.qos.depth:
                    del self._inbox[waiting[0]]
                    self.component.traffic.replaced[port.name] += 1
                self._inbox[port.name, next(self._count)] = (subscription, data)
            self._wake.notify()

    def call(self, function: Callable[[], None]) -> None:
        """Run a function on the component's thread, between two messages; raises what it raises."""
        done, errors = threading.Event(), []  # type: ignore[var-annotated]
        with self._wake:
            self._requests.append((function, errors, done))
            self._wake.notify()
        done.wait()
        if errors:
            raise errors[0]

    def set_time(self, time_ns: int) -> None:
        """Move simulated time. Where it jumps back, as when a bag starts over, waiting timers keep their delay."""
        with self._wake:
            if time_ns < self._time_ns:
                jump = self._time_ns - time_ns
                self._timers = [(due - jump, count, callback) for due, count, callback in self._timers]
            self._time_ns = time_ns
            self._wake.notify()

    # The component's thread.

    def _steady(self) -> int:
        """Time for delays: does not jump when somebody sets the machine's clock."""
        return self._time_ns if self._simulated else time.monotonic_ns()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception as error:  # such as a middleware that refuses to send; the next message may go through
                self.component.log.exception(f"{type(error).__name__}: {error}")

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while True:
                if self._requests:
                    request = self._requests.pop(0)
                    return lambda: self._answer(*request)
                if self._stopping:
                    return None
                late = self._steady() - self._timers[0][0] if self._timers else -1
                if late >= 0:
                    callback = heapq.heappop(self._timers)[2]
                    return lambda: callback(late)
                if self._inbox:
                    item = self._inbox.pop(next(iter(self._inbox)))
                    return lambda: self.component.deliver(*item)
                self._wake.wait(None if self._simulated or not self._timers else -late / 1e9)

    @staticmethod
    def _answer(function: Callable[[], None], errors: list[Any], done: threading.Event) -> None:
        try:
            function()
        except Exception as error:
            errors.append(error)
        finally:
            done.set()
