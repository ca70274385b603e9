"""This process's place on the ROS 2 network: nodes, their publishers and subscriptions, all in CDR bytes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from cyclonedds.core import DDSException
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy
from cyclonedds.qos import Qos as DdsQos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from convoy.graph import QoS
from convoy.graph.log import Log
from convoy.hosts.dds import clib, domain, qos, wire
from convoy.hosts.dds.discovery import Discovery, NodeEndpoints
from convoy.hosts.dds.wire import DdsError
from convoy.interfaces import messages
from convoy.interfaces.cdr import Bytes
from convoy.memory import keep_freed_memory

_KEPT_BYTES = 64 * 1024 * 1024
"""Freed memory for the next image."""

log = Log(logging.getLogger("convoy.dds"), time.monotonic_ns)

Received = Callable[[memoryview, int], None]
"""Is called with a message's CDR bytes and the time at which it was sent, in nanoseconds since the epoch."""


class Participant:
    """A ROS 2 context: joins a domain, has nodes, and reads what arrives on one thread.

    Args:
        domain_id: as ``ROS_DOMAIN_ID``, which is taken where it is not given.

    Raises:
        DdsError: the environment is set wrongly, or DDS finds no place for one more participant.
    """

    def __init__(self, domain_id: int | None = None) -> None:
        self.domain_id = domain.domain_id() if domain_id is None else domain_id
        keep_freed_memory(_KEPT_BYTES)
        self._domain = domain.join(self.domain_id)
        try:
            self._dds = DomainParticipant(self.domain_id, DdsQos(Policy.Userdata(b"enclave=/;")))
        except DDSException as error:
            raise DdsError(
                f"Domain {self.domain_id} has no place for this process ({error.msg}); are more than 32 running?"
            ) from None
        self.gid: bytes = self._dds.guid.bytes
        """Identifies this participant on the network."""
        self.discovery = Discovery(self._dds)
        self._nodes: list[Node] = []
        self._subscriptions: dict[int, Subscription] = {}
        self._waitset = clib.WaitSet(self._dds._ref)
        self._announcing = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._read, name="dds", daemon=True)
        self._thread.start()

    def __enter__(self) -> Participant:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def node(self, name: str, namespace: str = "/") -> Node:
        """Add a node; others see it at once."""
        node = Node(self, name, namespace)
        self._nodes.append(node)
        self._announce()
        return node

    def close(self) -> None:
        """Leave the domain; no callback runs after this."""
        if self._closing:
            return
        self._closing = True
        self._waitset.wake()
        self._thread.join()
        clib.delete(self._dds._ref)
        del self._domain

    def _remove(self, node: Node) -> None:
        self._nodes.remove(node)
        self._announce()

    def _announce(self) -> None:
        with self._announcing:
            self.discovery.announce([node._endpoints() for node in self._nodes])

    def _topic(self, topic: str, type_name: str) -> Topic:
        return Topic(self._dds, wire.dds_topic(topic), wire.carrier(type_name))

    def _watch(self, subscription: Subscription) -> None:
        self._subscriptions[subscription._reader._ref] = subscription
        self._waitset.attach(subscription._reader._ref)

    def _unwatch(self, subscription: Subscription) -> None:
        self._waitset.detach(subscription._reader._ref)
        del self._subscriptions[subscription._reader._ref]

    def _read(self) -> None:
        while not self._closing:
            for reader in self._waitset.wait():
                subscription = self._subscriptions.get(reader)
                if subscription is not None:
                    subscription._deliver()


class Node:
    """A named node of this process; made by `Participant.node`. Topics are absolute, resolved names."""

    def __init__(self, participant: Participant, name: str, namespace: str) -> None:
        self.name = name
        self.namespace = namespace
        self._participant = participant
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []

    def publisher(self, topic: str, type_name: str, qos: QoS) -> Publisher:
        """Announce a topic; nothing is lost that is written afterwards, but for readers yet to be discovered."""
        publisher = Publisher(self._participant, topic, type_name, qos)
        self._publishers.append(publisher)
        self._participant._announce()
        return publisher

    def subscription(
        self, topic: str, type_name: str, qos: QoS, received: Received, *, type_hash: str | None = None
    ) -> Subscription:
        """Call `received`, on the participant's one reading thread, with each message of a topic.

        Args:
            type_hash: the hash that the publisher announces, for a type that convoy may not know.

        Raises:
            InterfaceError: the type is not known, and no hash of it was given.
        """
        subscription = Subscription(self._participant, topic, type_name, qos, received, type_hash)
        self._subscriptions.append(subscription)
        self._participant._announce()
        return subscription

    def drop(self, endpoint: Publisher | Subscription) -> None:
        """End a publisher or subscription of this node."""
        if isinstance(endpoint, Publisher):
            self._publishers.remove(endpoint)
            clib.delete(endpoint._writer._ref)
        else:
            self._subscriptions.remove(endpoint)
            self._participant._unwatch(endpoint)
            clib.delete(endpoint._reader._ref)
        self._participant._announce()

    def close(self) -> None:
        """Take the node and all its endpoints off the network."""
        for publisher in list(self._publishers):
            self.drop(publisher)
        for subscription in list(self._subscriptions):
            self.drop(subscription)
        self._participant._remove(self)

    def _endpoints(self) -> NodeEndpoints:
        readers = [subscription._reader.guid.bytes for subscription in self._subscriptions]
        writers = [publisher._writer.guid.bytes for publisher in self._publishers]
        return NodeEndpoints(self.name, self.namespace, readers, writers)


class Publisher:
    """Writes CDR bytes to one topic; made by `Node.publisher`."""

    def __init__(self, participant: Participant, topic: str, type_name: str, quality: QoS) -> None:
        self.topic = topic
        user_data = wire.user_data(messages.type_hash(type_name))
        self._writer = DataWriter(
            participant._dds, participant._topic(topic, type_name), qos.policies(quality, user_data)
        )

    def write(self, data: Bytes) -> None:
        """Send a message.

        Raises:
            DdsError: DDS refuses it. A reader that is too slow is no error: it is logged, and the message is dropped.
        """
        code = clib.write(self._writer._ref, data)
        if code == clib.TIMEOUT:
            log.warning(f"{self.topic}: a reliable subscriber cannot follow; a message was dropped.")
        elif code < 0:
            raise DdsError(f"{self.topic}: {len(data)} bytes cannot be sent: {clib.explain(code)}.")

    def matched(self) -> int:
        """Return how many subscriptions get what is written."""
        return len(self._writer.get_matched_subscriptions())


class Subscription:
    """Receives the CDR bytes of one topic; made by `Node.subscription`."""

    def __init__(
        self,
        participant: Participant,
        topic: str,
        type_name: str,
        quality: QoS,
        received: Received,
        type_hash: str | None,
    ) -> None:
        self.topic = topic
        self._received = received
        user_data = wire.user_data(messages.type_hash(type_name) if type_hash is None else type_hash)
        self._reader = DataReader(
            participant._dds, participant._topic(topic, type_name), qos.policies(quality, user_data)
        )
        participant._watch(self)

    def matched(self) -> int:
        """Return how many publishers are received."""
        return len(self._reader.get_matched_publications())

    def _deliver(self) -> None:
        for sample in clib.take(self._reader._ref):
            try:
                self._received(sample.data, sample.source_ns)
            except Exception as error:  # the thread serves all other subscriptions as well
                log.exception(f"{self.topic}: {type(error).__name__}: {error}")
