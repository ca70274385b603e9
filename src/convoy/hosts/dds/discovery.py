"""Who else is on the network: endpoints as DDS announces them, and the ROS nodes that they belong to."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from cyclonedds._clayer import ddspy_take_endpoint, ddspy_take_participant
from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import InstanceState
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from convoy.bags import QosProfile
from convoy.graph import LATCHED
from convoy.hosts.dds import clib, qos, wire
from convoy.interfaces import cdr
from convoy.interfaces.messages import InterfaceError, make, message_class, type_hash

_INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"
_GID_BYTES = 16
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A publisher or subscription of a ROS topic, of this process or another one."""

    kind: Literal["publisher", "subscription"]
    topic: str
    type_name: str
    type_hash: str
    """``RIHS01_...``, empty where the endpoint does not tell."""
    qos: QosProfile
    gid: bytes
    participant: bytes
    node: str = ""
    """Full name of the node, empty while it is not known (or the peer is no ROS node)."""


@dataclass
class NodeEndpoints:
    """What a node of this process has, for others to see."""

    name: str
    namespace: str
    readers: list[bytes]
    writers: list[bytes]


class Discovery:
    """The graph of nodes and endpoints around a participant, and its own place in it (``ros_discovery_info``)."""

    def __init__(self, participant: DomainParticipant) -> None:
        self._gid = participant.guid.bytes
        self._lock = threading.Lock()
        self._participants = BuiltinDataReader(participant, BuiltinTopicDcpsParticipant)
        self._publications = BuiltinDataReader(participant, BuiltinTopicDcpsPublication)
        self._subscriptions = BuiltinDataReader(participant, BuiltinTopicDcpsSubscription)
        topic = Topic(participant, "ros_discovery_info", wire.carrier(_INFO))
        user_data = wire.user_data(type_hash(_INFO))
        self._info_writer = DataWriter(participant, topic, qos.policies(LATCHED, user_data))
        self._info_reader = DataReader(participant, topic, qos.policies(replace(LATCHED, depth=0), user_data))
        self._endpoints: dict[bytes, Endpoint] = {}
        self._alive: set[bytes] = set()
        self._infos: dict[bytes, Any] = {}

    def announce(self, nodes: Iterable[NodeEndpoints]) -> None:
        """Tell everybody which nodes this participant has, and which endpoints they have."""
        info = make(
            message_class(_INFO),
            gid=_gid(self._gid),
            node_entities_info_seq=[
                message_class("rmw_dds_common/msg/NodeEntitiesInfo")(
                    node_namespace=node.namespace,
                    node_name=node.name,
                    reader_gid_seq=[_gid(gid) for gid in node.readers],
                    writer_gid_seq=[_gid(gid) for gid in node.writers],
                )
                for node in nodes
            ],
        )
        clib.write(self._info_writer._ref, cdr.serialize(info))

    def nodes(self) -> list[str]:
        """Return the full names of all nodes that are known, in order."""
        with self._lock:
            self._update()
            return sorted(_full(node) for info in self._known() for node in info.node_entities_info_seq)

    def endpoints(self) -> list[Endpoint]:
        """Return all publishers and subscriptions of ROS topics that are known, by topic."""
        with self._lock:
            self._update()
            owners = {
                gid.data.tobytes(): _full(node)
                for info in self._known()
                for node in info.node_entities_info_seq
                for gid in (*node.reader_gid_seq, *node.writer_gid_seq)
            }
            known = [replace(endpoint, node=owners.get(gid, "")) for gid, endpoint in self._endpoints.items()]
            return sorted(known, key=lambda endpoint: (endpoint.topic, endpoint.kind, endpoint.node, endpoint.gid))

    def _known(self) -> list[Any]:
        return [info for participant, info in self._infos.items() if participant in self._alive]

    def _update(self) -> None:
        for gid, alive in _drain(self._participants, ddspy_take_participant, _participant):
            if alive:
                self._alive.add(gid)
            else:
                self._alive.discard(gid)
                self._infos.pop(gid, None)
        for reader, kind in ((self._publications, "publisher"), (self._subscriptions, "subscription")):
            for gid, endpoint in _drain(reader, ddspy_take_endpoint, _endpoint):
                if endpoint is None:
                    self._endpoints.pop(gid, None)
                elif endpoint.topic:
                    self._endpoints[gid] = replace(endpoint, kind=kind)
        for sample in clib.take(self._info_reader._ref):
            try:
                info = cdr.deserialize(bytes(sample.data), _INFO)
            except InterfaceError:
                continue  # from something that only looks like ROS
            self._infos[info.gid.data.tobytes()] = info


def _drain(reader: BuiltinDataReader, take: Any, constructor: Any) -> Iterable[Any]:
    while found := take(reader._ref, _BATCH, constructor, lambda pointer: pointer and qos.read(pointer)):
        if isinstance(found, int):
            raise wire.DdsError(f"Discovery cannot be read: {clib.explain(found)}.")
        yield from found


def _participant(gid: bytes, _qos: Any, info: Any) -> tuple[bytes, bool]:
    return gid, info.instance_state == InstanceState.Alive


def _endpoint(
    gid: bytes, participant: bytes, _handle: int, topic: str, type_name: str, policies: Any, info: Any, _type: Any
) -> tuple[bytes, Endpoint | None]:
    if info.instance_state != InstanceState.Alive:
        return gid, None
    quality, user_data = policies
    name = wire.ros_topic(topic) or ""
    hash_ = wire.type_hash_of(user_data)
    return gid, Endpoint("publisher", name, wire.ros_type(type_name), hash_, quality, gid, participant)


def _gid(guid: bytes) -> Any:
    return message_class("rmw_dds_common/msg/Gid")(data=np.frombuffer(guid, np.uint8, _GID_BYTES))


def _full(node: Any) -> str:
    return f"{node.node_namespace.rstrip('/')}/{node.node_name}"
