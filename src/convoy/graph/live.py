"""Runs one component in real time, off the middleware's threads: what every live host shares."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from convoy.graph.component import Component, ComponentError
from convoy.graph.host import Cancel
from convoy.graph.inbox import Inbox
from convoy.graph.ports import Output, Subscription
from convoy.interfaces import cdr

T = TypeVar("T")


@dataclass(order=True)
class _Timer:
    due_ns: int
    number: int
    period_ns: int = field(compare=False)
    callback: Callable[[], None] = field(compare=False)


class LiveHost:
    """A host whose middleware delivers from its own threads, and whose component works on one of its own.

    The middleware calls `put` with what it received and gives a function that sends; everything between is here.
    What arrives while the component is busy waits in an `Inbox`.

    Args:
        component: is attached to this host.
        send: publishes CDR bytes on the resolved topic of an output; called from the component's thread. What it
            raises is reported as the component's failure.
        listens: tells whether anybody subscribes to an output; called from the component's thread.
        simulated_time: the clock stands still at zero until `set_time` moves it.
    """

    def __init__(
        self,
        component: Component,
        send: Callable[[Output, memoryview], None],
        listens: Callable[[Output], bool],
        *,
        simulated_time: bool = False,
    ) -> None:
        self.component = component
        self._send = send
        self._listens = listens
        self._simulated = simulated_time
        self._time_ns = 0
        self._wake = threading.Condition()
        self._inbox = Inbox(component)
        self._timers: list[_Timer] = []
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._numbers = itertools.count()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=component.name, daemon=True)
        component.attach(self)

    # The host's side.

    def publish(self, component: Component, output: Output, data: memoryview) -> None:
        component.guard(f"publish {output.name}", lambda: self._send(output, data))

    def listens(self, component: Component, output: Output) -> bool:
        return self._listens(output)

    def now(self) -> int:
        return self._time_ns if self._simulated else time.time_ns()

    def every(self, component: Component, period_ns: int, callback: Callable[[], None]) -> Cancel:
        with self._wake:
            timer = _Timer(self._steady() + period_ns, next(self._numbers), period_ns, callback)
            heapq.heappush(self._timers, timer)
            self._wake.notify()

        def cancel() -> None:
            with self._wake:
                self._timers = [other for other in self._timers if other is not timer]
                heapq.heapify(self._timers)
                self._inbox.drop_timer(callback)

        return cancel

    # The middleware's side.

    def start(self) -> None:
        """Start the component's thread; the component's life cycle is the caller's, through `call`."""
        self._thread.start()

    def stop(self) -> None:
        """Let the component finish what it is doing and what it was called for, and end its thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def put(self, subscription: Subscription, data: cdr.Bytes) -> None:
        """Take in a received message; returns at once."""
        with self._wake:
            self._inbox.put(subscription, data)
            self._wake.notify()

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the component's thread, between two messages; returns and raises what it does.

        Raises:
            ComponentError: the thread does not run.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._stopping or not self._thread.is_alive():
                raise ComponentError(f"{self.component.name} cannot be called: its thread does not run.")
            self._requests.append((function, future))
            self._wake.notify()
        return future.result()

    def set_time(self, time_ns: int) -> None:
        """Move simulated time. Where it jumps back, as when a bag starts over, waiting timers keep their delay."""
        with self._wake:
            back = max(self._time_ns - time_ns, 0)
            for timer in self._timers:
                timer.due_ns -= back
            self._time_ns = time_ns
            self._wake.notify()

    # The component's thread.

    def _steady(self) -> int:
        """Time for delays: does not jump when somebody sets the machine's clock."""
        return self._time_ns if self._simulated else time.monotonic_ns()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while True:
                if self._requests:
                    function, future = self._requests.popleft()
                    return lambda: _answer(function, future)
                if self._stopping:
                    return None
                now = self._steady()
                while self._timers and self._timers[0].due_ns <= now:
                    timer = heapq.heappop(self._timers)
                    self._inbox.put_timer(timer.callback)
                    timer.due_ns += timer.period_ns * (1 + (now - timer.due_ns) // timer.period_ns)
                    heapq.heappush(self._timers, timer)
                if (work := self._inbox.next()) is not None:
                    return work
                self._wake.wait((self._timers[0].due_ns - now) / 1e9 if self._timers and not self._simulated else None)


def _answer(function: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
