"""What is on the network: topics, who publishes and subscribes, and how much goes through them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from convoy.graph import QoS
from convoy.hosts.dds.participant import Node, Participant, Received

ANY = QoS(reliability="best_effort", depth=100)
"""Matches every publisher, and burdens none."""
POLL_S = 0.1


@dataclass
class Topic:
    """One topic of the network, and what was heard of it."""

    name: str
    types: list[str] = field(default_factory=list)
    publishers: list[str] = field(default_factory=list)
    """Nodes; an empty name is a publisher that belongs to none."""
    subscriptions: list[str] = field(default_factory=list)
    messages: int = 0
    bytes: int = 0
    first_s: float = 0.0
    last_s: float = 0.0

    @property
    def rate_hz(self) -> float | None:
        """Messages per second; None where fewer than two were heard."""
        return (self.messages - 1) / (self.last_s - self.first_s) if self.last_s > self.first_s else None

    @property
    def bytes_per_s(self) -> float | None:
        """Bandwidth; None where no rate is known."""
        return None if self.rate_hz is None else self.rate_hz * self.bytes / self.messages

    def heard(self, size: int) -> None:
        """Count a message."""
        self.last_s = time.monotonic()
        self.first_s = self.first_s or self.last_s
        self.messages += 1
        self.bytes += size


def survey(participant: Participant, node: Node, seconds: float, only: Collection[str] = ()) -> list[Topic]:
    """Listen to all topics, or to those given, for some seconds; returns them by name, without this process's own.

    Messages are counted, not decoded, so that their types need not be known.
    """
    topics: dict[str, Topic] = {}
    listening: set[tuple[str, str]] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for endpoint in participant.discovery.endpoints():
            key = (endpoint.topic, endpoint.type_name)
            if endpoint.kind == "publisher" and key not in listening and (not only or endpoint.topic in only):
                listening.add(key)
                topic = topics.setdefault(endpoint.topic, Topic(endpoint.topic))
                node.subscription(*key, ANY, _counter(topic), type_hash=endpoint.type_hash)
        time.sleep(POLL_S)
    for endpoint in participant.discovery.endpoints():
        if endpoint.participant == participant.gid or (only and endpoint.topic not in only):
            continue
        topic = topics.setdefault(endpoint.topic, Topic(endpoint.topic))
        (topic.publishers if endpoint.kind == "publisher" else topic.subscriptions).append(endpoint.node)
        if endpoint.type_name not in topic.types:
            topic.types.append(endpoint.type_name)
    return [topics[name] for name in sorted(topics)]


def _counter(topic: Topic) -> Received:
    return lambda data, _source_ns: topic.heard(len(data))
