"""The quality of service that a topic was offered with, as rosbag2 keeps it: a list of profiles in YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import yaml

from convoy.interfaces.messages import NANOSECONDS

INFINITE_NS = 2**63 - 1


class QosLike(Protocol):
    """What a publisher's quality of service says at least."""

    @property
    def reliability(self) -> str: ...
    @property
    def durability(self) -> str: ...
    @property
    def depth(self) -> int: ...


@dataclass(frozen=True, slots=True)
class QosProfile:
    """One publisher's offer, with the names and defaults of ROS 2; times in nanoseconds."""

    reliability: str = "reliable"
    durability: str = "volatile"
    depth: int = 10
    history: str = "keep_last"
    deadline_ns: int = INFINITE_NS
    lifespan_ns: int = INFINITE_NS
    liveliness: str = "automatic"
    liveliness_lease_duration_ns: int = INFINITE_NS
    avoid_ros_namespace_conventions: bool = False


# Up to version 8 of the metadata the policies are the numbers of rmw's enumerations (rmw/types.h).
_NUMBERS: Mapping[str, Mapping[int, str]] = {
    "history": {0: "system_default", 1: "keep_last", 2: "keep_all", 3: "unknown"},
    "reliability": {0: "system_default", 1: "reliable", 2: "best_effort", 3: "unknown", 4: "best_available"},
    "durability": {0: "system_default", 1: "transient_local", 2: "volatile", 3: "unknown", 4: "best_available"},
    "liveliness": {
        0: "system_default",
        1: "automatic",
        2: "manual_by_node",
        3: "manual_by_topic",
        4: "unknown",
        5: "best_available",
    },
}

# What older distributions wrote for "infinite": the seconds of 2^63 - 1 ns, or the largest of each number.
_INFINITE_SECONDS = (9_223_372_036, 2_147_483_647)


def profiles_from(qos: QosLike | Iterable[QosLike]) -> tuple[QosProfile, ...]:
    """Complete one offer, or several, to the full profiles that a bag keeps."""
    offers = qos if isinstance(qos, Iterable) else (qos,)
    return tuple(
        offer if isinstance(offer, QosProfile) else QosProfile(offer.reliability, offer.durability, offer.depth)
        for offer in offers
    )


def parse_profiles(text: object) -> tuple[QosProfile, ...]:
    """Read the profiles of a topic from YAML, or from the list that YAML held; what is neither gives none."""
    try:
        offers: Any = yaml.load(text, SafeLoader) if isinstance(text, str) else text
        return tuple(_parse_profile(offer) for offer in offers or ())
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
        return ()


SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, ten times as fast, where PyYAML was built with it."""


def _parse_profile(offer: Mapping[str, Any]) -> QosProfile:
    values: dict[str, Any] = {}
    for field in fields(QosProfile):
        key = field.name.removesuffix("_ns")
        if key not in offer:
            continue
        value = offer[key]
        if key in _NUMBERS:
            values[field.name] = _NUMBERS[key].get(value, "unknown") if isinstance(value, int) else str(value)
        elif field.name.endswith("_ns"):
            seconds, rest = int(value["sec"]), int(value["nsec"])
            values[field.name] = INFINITE_NS if seconds in _INFINITE_SECONDS else seconds * NANOSECONDS + rest
        else:
            values[field.name] = int(value) if key == "depth" else bool(value)
    return QosProfile(**values)


def dump_profiles(profiles: Iterable[QosProfile]) -> str:
    """Write the profiles as YAML, in the very form of rosbag2 since version 9 of its metadata."""
    return "\n".join(_dump_profile(profile) for profile in profiles)


def _dump_profile(profile: QosProfile) -> str:
    def duration(name: str, nanoseconds: int) -> str:
        return f"  {name}:\n    sec: {nanoseconds // NANOSECONDS}\n    nsec: {nanoseconds % NANOSECONDS}"

    return "\n".join(
        (
            f"- history: {profile.history}",
            f"  depth: {profile.depth}",
            f"  reliability: {profile.reliability}",
            f"  durability: {profile.durability}",
            duration("deadline", profile.deadline_ns),
            duration("lifespan", profile.lifespan_ns),
            f"  liveliness: {profile.liveliness}",
            duration("liveliness_lease_duration", profile.liveliness_lease_duration_ns),
            f"  avoid_ros_namespace_conventions: {str(profile.avoid_ros_namespace_conventions).lower()}",
        )
    )
