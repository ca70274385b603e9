"""Where the component's thread and the web server's thread meet: slots that hold the newest only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from convoy.console.recording import Progress

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds one value, the newest; what waited before is gone. Memory is bounded whoever is slow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: T | None = None

    def put(self, value: T) -> None:
        """Put a value in the place of the one that waits."""
        with self._lock:
            self._value = value

    def take(self) -> T | None:
        """Take the value out; None where nothing waits."""
        with self._lock:
            value, self._value = self._value, None
            return value

    def peek(self) -> T | None:
        """Look at the value."""
        return self._value


@dataclass(frozen=True, slots=True)
class Hands:
    """What a person at a page does: steering and throttle in -1..1, and when, by `steady`."""

    steering: float
    throttle: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded picture for the pages."""

    number: int
    at_s: float
    """When it was taken, by `steady`."""
    file: bytes


def steady() -> float:
    """The console's clock, in s: between pages and server only, for the component has the host's."""
    return time.monotonic()


@dataclass
class Exchange:
    """All that the two threads hand to each other."""

    # From the pages to the robot. An emergency stop is an event of its own: nothing can push it out.
    stop: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    """Nobody holds the wheel any more."""
    hands: Slot[Hands] = field(default_factory=Slot)
    mode: Slot[str] = field(default_factory=Slot)
    model: Slot[Path] = field(default_factory=Slot)
    record: Slot[str] = field(default_factory=Slot)
    """Name of a take to begin; empty ends the one that runs."""
    wanted: frozenset[str] = frozenset()
    """Overlays that any page wants."""
    watchers: int = 0
    refused: int = 0
    """Messages of pages that were dropped."""

    # From the robot to the pages.
    picture: Slot[Picture] = field(default_factory=Slot)
    mask: Slot[Picture] = field(default_factory=Slot)
    depth: Slot[Picture] = field(default_factory=Slot)
    boxes: Slot[dict[str, Any]] = field(default_factory=Slot)
    recording: Slot[Progress] = field(default_factory=Slot)
    """Stays while a take is recorded."""
    recorded: Slot[Progress] = field(default_factory=Slot)
    """The take that has ended."""
    state: Slot[dict[str, Any]] = field(default_factory=Slot)
    health: Slot[list[dict[str, Any]]] = field(default_factory=Slot)
    notify: Callable[[], None] = lambda: None
    """Wakes the server's thread: there is a new picture."""
