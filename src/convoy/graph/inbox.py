"""What waits for a component that is busy, and what it does next."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

from convoy.graph.component import Component
from convoy.graph.ports import Subscription
from convoy.interfaces import cdr


class Inbox:
    """The messages and timer calls that wait for one component.

    Of an input that wants the latest message only, a new message takes the place of the one that waits; other inputs
    keep as many as their depth says, and lose the oldest. What is pushed out is counted. A timer waits once, however
    late it is. Timer calls come before messages, but not twice in a row: a timer that takes longer than its period
    must not keep all messages out.
    """

    def __init__(self, component: Component) -> None:
        self._component = component
        self._messages: dict[tuple[Subscription, int], cdr.Bytes] = {}
        self._timers: dict[Callable[[], None], None] = {}
        self._replaced: Counter[str] = Counter()
        self._count = itertools.count(1)
        self._timer_was_last = False

    def put(self, subscription: Subscription, data: cdr.Bytes) -> bool:
        """Add a message; tells whether it pushed another one out."""
        port = self._component.inputs[subscription.input]
        if port.latest:
            key, full = (subscription, 0), (subscription, 0) in self._messages
        else:
            waiting = [key for key in self._messages if key[0] == subscription]
            key, full = (subscription, next(self._count)), 0 < port.qos.depth <= len(waiting)
            if full:
                del self._messages[waiting[0]]
        if full:
            self._replaced[port.name] += 1
        self._messages[key] = data
        return full

    def put_timer(self, callback: Callable[[], None]) -> None:
        """Add a call of a timer, unless it waits already."""
        self._timers[callback] = None

    def drop_timer(self, callback: Callable[[], None]) -> None:
        """Take out a timer's call, where one waits."""
        self._timers.pop(callback, None)

    def next(self) -> Callable[[], None] | None:
        """Take out what the component does next; None where nothing waits."""
        self._timer_was_last = bool(self._timers) and not (self._timer_was_last and self._messages)
        if self._timer_was_last:
            callback = next(iter(self._timers))
            del self._timers[callback]
            return callback
        if not self._messages:
            return None
        key = next(iter(self._messages))
        data, replaced, self._replaced = self._messages.pop(key), self._replaced, Counter()

        def deliver() -> None:
            self._component.traffic.replaced.update(replaced)
            self._component.deliver(key[0], data)

        return deliver
