"""Where the time of a frame goes: named stages, reported to whoever listens.

Nothing is measured while nobody listens, so the calls may stay on the frame's path.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int], None]
"""Is called with the stage's name and its wall time in nanoseconds."""

_listener: Listener | None = None


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Report every stage that ends within the block to `listener`, instead of to an outer one."""
    global _listener
    outer, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = outer


class Stage:
    """A block whose wall time is reported; see `stage`."""

    __slots__ = ("_name", "_start")

    def __init__(self, name: str) -> None:
        self._name = name
        self._start = 0

    def __enter__(self) -> None:
        if _listener is not None:
            self._start = time.perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        if _listener is not None and self._start:
            _listener(self._name, time.perf_counter_ns() - self._start)


def stage(name: str) -> Stage:
    """Measure the block as one stage: ``with stage("inference"): ...``."""
    return Stage(name)
