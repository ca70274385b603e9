"""What a host offers to the components that it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from convoy.interfaces.messages import Message

if TYPE_CHECKING:
    from convoy.graph.component import Component
    from convoy.graph.ports import Output

Cancel = Callable[[], None]


class Host(Protocol):
    """Carries a component's messages and time; it calls `Component.deliver` with what arrives.

    A host calls a component from one thread at a time, and walks it through its life cycle.
    """

    def publish(self, component: Component, output: Output, message: Message) -> None:
        """Send a message to whoever subscribes to the output's topic."""

    def now(self) -> int:
        """Return the time of the component's clock: nanoseconds since the epoch, or simulated time."""

    def after(self, component: Component, delay_ns: int, callback: Callable[[int], None]) -> Cancel:
        """Call `callback` once, `delay_ns` from now, with the nanoseconds by which the call is late."""
