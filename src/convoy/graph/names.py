"""Names of nodes and topics, and how they resolve (ROS 2 design, "Topic and Service name mapping")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from convoy.errors import ConvoyError

_NODE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOPIC = re.compile(r"(~/|/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


class NamingError(ConvoyError):
    """A node's or topic's name breaks the rules of ROS 2."""


@dataclass(frozen=True)
class NodeName:
    """Where a component stands in the ROS graph, and the remappings that hold for it.

    Args:
        name: the node's name.
        namespace: absolute, ``/`` or ``/robot/front``.
        remappings: topic to topic, as given with ``-r from:=to``; both sides may be relative or private (``~/``).
    """

    name: str
    namespace: str = "/"
    remappings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NODE.fullmatch(self.name):
            raise NamingError(f"Node name {self.name!r}: wanted letters, digits and underscores, no digit first.")
        if self.namespace != "/" and not (self.namespace.startswith("/") and _TOPIC.fullmatch(self.namespace)):
            raise NamingError(f"Namespace {self.namespace!r}: wanted '/' or an absolute name such as '/robot'.")

    @property
    def full(self) -> str:
        """The node's name with its namespace."""
        return self._join(self.namespace, self.name)

    def topic(self, name: str, suffix: str = "") -> str:
        """Resolve a topic's name: namespace first, then the first remapping that fits.

        Args:
            name: absolute, relative or private (``~/``).
            suffix: such as ``/compressed``; remapping the name carries it along, unless it is remapped with it.

        Raises:
            NamingError: the name, or the name that it is remapped to, breaks the rules.
        """
        for end, rest in (suffix, ""), ("", suffix):
            resolved = self._absolute(name + end)
            for source, target in self.remappings.items():
                if self._absolute(source) == resolved:
                    return self._absolute(target) + rest
        return resolved + suffix

    def _absolute(self, name: str) -> str:
        if not _TOPIC.fullmatch(name):
            raise NamingError(f"Topic name {name!r}: wanted parts of letters, digits and underscores, joined by '/'.")
        if name.startswith("/"):
            return name
        if name.startswith("~/"):
            return self._join(self.full, name[2:])
        return self._join(self.namespace, name)

    @staticmethod
    def _join(namespace: str, name: str) -> str:
        return namespace.rstrip("/") + "/" + name
