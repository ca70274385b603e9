"""What a host offers to the components that it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from convoy.graph.component import Component
    from convoy.graph.ports import Output

Cancel = Callable[[], None]


class Host(Protocol):
    """Carries a component's messages and time; it calls `Component.deliver` with what arrives.

    A host calls a component from one thread at a time, and walks it through its life cycle.
    """

    def publish(self, component: Component, output: Output, data: memoryview) -> None:
        """Send a message, as CDR bytes, to whoever subscribes to the output's topic."""

    def listens(self, component: Component, output: Output) -> bool:
        """Tell whether anybody subscribes to an output's topic, or records it."""

    def now(self) -> int:
        """Return the time of the component's clock: nanoseconds since the epoch, or simulated time."""

    def every(self, component: Component, period_ns: int, callback: Callable[[], None]) -> Cancel:
        """Call `callback` once per period, until cancelled; the first time one period from now.

        A call that is late does not shift those after it, and periods that have passed meanwhile are skipped.
        """
