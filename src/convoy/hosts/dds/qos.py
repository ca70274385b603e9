"""Quality of service between ROS 2's terms and DDS policies, and why two endpoints do not match."""

from __future__ import annotations

import ctypes as ct
from typing import Any

from cyclonedds.internal import DDS, dds_infinity
from cyclonedds.qos import Policy
from cyclonedds.qos import Qos as DdsQos

from convoy.bags import QosProfile
from convoy.graph import QoS

MAX_BLOCKING_NS = 1_000_000_000
"""How long a reliable writer waits for readers that cannot follow, before it gives a message up."""

_RELIABILITY = ("best_effort", "reliable")
_DURABILITY = ("volatile", "transient_local", "transient", "persistent")
_LIVELINESS = ("automatic", "manual_by_participant", "manual_by_topic")

_lib: Any = DDS._dll_handle


def policies(qos: QoS, user_data: bytes = b"") -> DdsQos:
    """Return the DDS policies of a ROS endpoint, as rmw_cyclonedds sets them."""
    history = Policy.History.KeepLast(qos.depth) if qos.depth else Policy.History.KeepAll
    reliable = qos.reliability == "reliable"
    chosen = [
        history,
        Policy.Reliability.Reliable(MAX_BLOCKING_NS) if reliable else Policy.Reliability.BestEffort,
        Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False),
        Policy.WriterDataLifecycle(autodispose=False),
    ]
    if qos.durability == "transient_local":
        # What Cyclone DDS keeps for late readers, it takes from the durability service.
        chosen += [Policy.Durability.TransientLocal, Policy.DurabilityService(0, history, -1, -1, -1)]
    if user_data:
        chosen.append(Policy.Userdata(user_data))
    return DdsQos(*chosen)


def refusals(offered: QosProfile, requested: QosProfile) -> list[str]:
    """Name the policies for which a reader that requests one gets nothing from a writer that offers the other.

    Source: OMG DDS 1.4, 2.2.3, "requested versus offered".
    """
    faults = []
    for policy, order in (("reliability", _RELIABILITY), ("durability", _DURABILITY), ("liveliness", _LIVELINESS)):
        offer, request = getattr(offered, policy), getattr(requested, policy)
        if order.index(request) > order.index(offer):
            faults.append(f"{policy}: offered {offer}, requested {request}")
    for policy in ("deadline", "liveliness_lease_duration"):
        offer, request = getattr(offered, f"{policy}_ns"), getattr(requested, f"{policy}_ns")
        if request < offer:
            faults.append(f"{policy.replace('_', ' ')}: offered {_seconds(offer)}, requested {_seconds(request)}")
    return faults


def read(pointer: int) -> tuple[QosProfile, bytes]:
    """Read the policies and the USER_DATA of an announced endpoint from DDS's own structure."""
    kind, depth = _get(pointer, "history", ct.c_int, ct.c_int32)
    liveliness, lease_ns = _get(pointer, "liveliness", ct.c_int, ct.c_int64)
    return QosProfile(
        reliability=_RELIABILITY[_get(pointer, "reliability", ct.c_int, ct.c_int64)[0]],
        durability=_DURABILITY[_get(pointer, "durability", ct.c_int)[0]],
        history="keep_all" if kind else "keep_last",
        depth=0 if kind else depth,
        deadline_ns=_get(pointer, "deadline", ct.c_int64)[0] or dds_infinity,
        lifespan_ns=_get(pointer, "lifespan", ct.c_int64)[0] or dds_infinity,
        liveliness=_LIVELINESS[liveliness],
        liveliness_lease_duration_ns=lease_ns or dds_infinity,
    ), _user_data(pointer)


def _get(pointer: int, policy: str, *types: Any) -> list[int]:
    """Call ``dds_qget_<policy>``; zeros where the policy was not announced."""
    values = [type_() for type_ in types]
    getattr(_lib, f"dds_qget_{policy}")(ct.c_void_p(pointer), *map(ct.byref, values))
    return [value.value for value in values]


def _user_data(pointer: int) -> bytes:
    start, size = ct.c_void_p(), ct.c_size_t()
    _lib.dds_qget_userdata(ct.c_void_p(pointer), ct.byref(start), ct.byref(size))
    data = ct.string_at(start, size.value) if start else b""
    _lib.dds_free(start)
    return data


def _seconds(duration_ns: int) -> str:
    return "infinite" if duration_ns >= dds_infinity else f"{duration_ns / 1e9:g} s"
