"""What a bag holds: topics, and records of messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from convoy.bags.errors import Damage
from convoy.bags.qos import QosProfile


class Record(NamedTuple):
    """One message as it was recorded."""

    topic: str
    type: str
    """``pkg/msg/Name``."""
    log_time_ns: int
    """When it was received, in nanoseconds since the epoch."""
    publish_time_ns: int
    """When it was sent; equals `log_time_ns` where the storage does not keep it."""
    sequence: int
    """The publisher's counter; 0 where the recorder does not keep it, as rosbag2."""
    data: memoryview
    """The serialised message, read-only."""


def order(record: Record) -> tuple[int, str, int]:
    """Return what records are sorted by."""
    return record.log_time_ns, record.topic, record.sequence


@dataclass(frozen=True)
class Definition:
    """A message definition as a bag embeds it, with all definitions that it refers to."""

    format: str
    """``ros2msg`` or ``ros2idl``."""
    text: str


@dataclass(frozen=True)
class Topic:
    """One topic of a bag."""

    name: str
    type: str
    count: int = 0
    """Messages that can be read."""
    qos: tuple[QosProfile, ...] = ()
    """What its publishers offered."""
    type_hash: str = ""
    """``RIHS01_...``, empty where the bag is older than that."""
    encoding: str = "cdr"
    definition: Definition | None = None
    """None where the bag has none embedded."""


class Storage(Protocol):
    """One file of a bag, read once for what it holds."""

    topics: dict[str, Topic]
    start_ns: int
    """Log time of the first message; 0 without messages."""
    end_ns: int
    """Log time of the last message; 0 without messages."""
    damage: Damage | None
    """Found so far."""

    def messages(self, path: Path, topics: frozenset[str] | None, start_ns: int, end_ns: int) -> Iterator[Record]:
        """Read the messages with ``start_ns <= log time < end_ns`` in order of log time, topic and sequence."""
