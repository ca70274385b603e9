"""A host for one component whose clock is moved by hand: to try out, step by step, how a component behaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convoy.graph.component import Component
from convoy.graph.health import Level
from convoy.graph.host import Cancel
from convoy.graph.ports import Input, Output, Subscription
from convoy.interfaces import cdr
from convoy.interfaces.messages import DiagnosticArray, Message, type_name


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the component has published."""

    at: int
    """Nanoseconds since the bench was set up."""
    output: str
    data: bytes


@dataclass(eq=False)
class _Timer:
    due: int
    period: int
    callback: Callable[[], None]


class Bench:
    """Takes a component into its care; the component's life cycle is the caller's.

    Args:
        component: is attached.
        now_ns: what the component's clock shows at first.

    Attributes:
        unheard: names of the outputs to which nobody listens.
    """

    def __init__(self, component: Component, now_ns: int = 0) -> None:
        self.component = component
        self.sent: list[Sent] = []
        self.unheard: set[str] = set()
        self._start = self._now = now_ns
        self._timers: list[_Timer] = []
        component.attach(self)

    # The host of the component.

    def publish(self, component: Component, output: Output, data: memoryview) -> None:
        self.sent.append(Sent(self._now - self._start, output.name, bytes(data)))

    def listens(self, component: Component, output: Output) -> bool:
        return output.name not in self.unheard

    def now(self) -> int:
        return self._now

    def every(self, component: Component, period_ns: int, callback: Callable[[], None]) -> Cancel:
        timer = _Timer(self._now + period_ns, period_ns, callback)
        self._timers.append(timer)
        return lambda: self._timers.remove(timer)

    # What one does with it.

    def deliver(self, to: str | Subscription, message: Message) -> None:
        """Deliver a message to an input: to the one of its topics that carries the message's type."""
        subscription = subscription_for(self.component.inputs[to], message) if isinstance(to, str) else to
        self.component.deliver(subscription, cdr.serialize(message))

    def pass_time(self, duration_ns: int) -> None:
        """Move the clock on; timers are called when they are due."""
        end = self._now + duration_ns
        while self._timers and (timer := min(self._timers, key=lambda timer: timer.due)).due <= end:
            self._now = timer.due
            timer.due += timer.period
            timer.callback()
        self._now = end

    def jump(self, now_ns: int) -> None:
        """Set the clock, as when a bag starts over; waiting timers keep their delay."""
        for timer in self._timers:
            timer.due += now_ns - self._now
        self._now = now_ns

    def results(self, output: str = "") -> list[Any]:
        """Return the messages published on an output; on all but /diagnostics where none is named."""
        wanted = {output} if output else self.component.outputs.keys() - {"diagnostics"}
        types = {name: type_name(port.message) for name, port in self.component.outputs.items()}
        return [cdr.deserialize(sent.data, types[sent.output]) for sent in self.sent if sent.output in wanted]

    def reported(self, status: str, level: Level | None = None) -> list[str]:
        """Return the messages of one of the component's diagnostics as published, of one level where it is named."""
        return [
            line.message
            for sent in self.sent
            if sent.output == "diagnostics"
            for line in cdr.deserialize(sent.data, type_name(DiagnosticArray)).status
            if line.name == f"{self.component.name}: {status}" and level in (None, line.level)
        ]


def subscription_for(port: Input, message: Message) -> Subscription:
    """Return the subscription of an input that takes a message.

    Raises:
        LookupError: the input takes no such message.
    """
    for subscription in port.subscriptions():
        if subscription.type_name == type_name(message):
            return subscription
    raise LookupError(f"input {port.name!r} takes no {type_name(message)}")
