"""Records what is on the network into a bag, as raw bytes."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from convoy.bags import BagWriter
from convoy.errors import nearest
from convoy.graph import NodeName, QoS
from convoy.graph.log import Log
from convoy.hosts.dds.discovery import Endpoint
from convoy.hosts.dds.participant import Node, Participant
from convoy.interfaces.messages import InterfaceError, type_hash

POLL_S = 0.1
"""How often new topics are looked for, as in rosbag2."""
MISSING_AFTER_S = 5.0
"""When topics that were asked for and are not there are told."""
MAX_WAITING_BYTES = 512 * 1024 * 1024
"""What may wait for a slow disk before messages are dropped."""
DEPTH = 100

log = Log(logging.getLogger("convoy.record"), time.monotonic_ns)


@dataclass
class Recorded:
    """What went into the bag."""

    messages: dict[str, int] = field(default_factory=dict)
    """By topic."""
    bytes: int = 0
    dropped: int = 0


class Recorder:
    """Subscribes to topics as they appear, with the quality of service that their publishers offer.

    Messages are written on the thread that calls `run`; the time in the bag's log is that of reception.

    Args:
        node: subscribes; its own topics are not recorded.
        only: names of topics, relative ones from ``/``; all but hidden topics where it is empty.
    """

    def __init__(self, participant: Participant, node: Node, writer: BagWriter, only: Collection[str] = ()) -> None:
        self._participant = participant
        self._node = node
        self._writer = writer
        self._only = {NodeName(node.name).topic(topic) for topic in only}
        self._seen: set[tuple[str, str]] = set()
        self._queue: queue.SimpleQueue[tuple[str, int, int, memoryview]] = queue.SimpleQueue()
        self._received_bytes = 0
        self.recorded = Recorded()

    def run(self, stopping: threading.Event) -> Recorded:
        """Record until `stopping` is set, and then what has arrived by then.

        Raises:
            BagError: the bag cannot be written any more.
        """
        self._start = time.monotonic()
        looked = 0.0
        while not stopping.is_set():
            if time.monotonic() - looked >= POLL_S:
                self._look_for_topics()
                looked = time.monotonic()
            self._write(POLL_S)
        self._node.close()
        while self._write(0.0):
            pass
        return self.recorded

    def _look_for_topics(self) -> None:
        offers: dict[tuple[str, str], list[Endpoint]] = {}
        for endpoint in self._participant.discovery.endpoints():
            if endpoint.kind == "publisher" and endpoint.participant != self._participant.gid:
                offers.setdefault((endpoint.topic, endpoint.type_name), []).append(endpoint)
        for key in sorted(offers.keys() - self._seen):
            if self._is_wanted(key[0]):
                self._seen.add(key)
                self._add(*key, offers[key])
        if self._only and time.monotonic() - self._start > MISSING_AFTER_S:
            for topic in self._only - {topic for topic, _ in self._seen}:
                there = nearest(topic, {topic for topic, _ in offers})
                log.warning(
                    f"{topic} is not there yet; nearest first: {', '.join(there) or 'there is no topic at all'}."
                )

    def _is_wanted(self, topic: str) -> bool:
        return topic in self._only if self._only else "/_" not in topic

    def _add(self, topic: str, type_name: str, publishers: list[Endpoint]) -> None:
        if topic in self.recorded.messages:
            log.warning(f"{topic} is published as {type_name} too, which is not recorded: a bag's topic has one type.")
            return
        try:
            known = type_hash(type_name)
        except InterfaceError as error:
            log.warning(f"{topic} is not recorded: {error}")
            return
        if any(publisher.type_hash not in ("", known) for publisher in publishers):
            log.warning(f"{topic} is not recorded: its publisher has another definition of {type_name} than convoy.")
            return
        self._writer.add_topic(topic, type_name, [publisher.qos for publisher in publishers])
        self.recorded.messages[topic] = 0
        self._node.subscription(
            topic, type_name, _request(publishers), lambda data, sent: self._receive(topic, data, sent)
        )
        log.info(f"records {topic} [{type_name}]")

    def _receive(self, topic: str, data: memoryview, source_ns: int) -> None:
        if self._received_bytes - self.recorded.bytes + len(data) > MAX_WAITING_BYTES:
            self.recorded.dropped += 1
            log.error("The disk is too slow: messages are dropped.")
            return
        self._received_bytes += len(data)
        self._queue.put((topic, time.time_ns(), source_ns, data))

    def _write(self, timeout_s: float) -> bool:
        try:
            topic, received_ns, source_ns, data = (
                self._queue.get(timeout=timeout_s) if timeout_s else self._queue.get(False)
            )
        except queue.Empty:
            return False
        self._writer.write(topic, received_ns, data, source_ns)
        self.recorded.messages[topic] += 1
        self.recorded.bytes += len(data)
        return True


def _request(publishers: Iterable[Endpoint]) -> QoS:
    """Ask for the most that all publishers offer."""
    offers = [publisher.qos for publisher in publishers]
    return QoS(
        reliability="reliable" if all(offer.reliability == "reliable" for offer in offers) else "best_effort",
        durability="transient_local" if all(offer.durability == "transient_local" for offer in offers) else "volatile",
        depth=max(DEPTH, sum(offer.depth for offer in offers)),
    )
