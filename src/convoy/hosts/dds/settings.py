"""The parameters that ROS 2 gives every node, told apart from the component's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from convoy.graph import ParameterError, QoS
from convoy.graph.parameters import OVERRIDES, part

_CHOICES = {
    "reliability": ("reliable", "best_effort"),
    "durability": ("volatile", "transient_local"),
    "history": ("keep_last",),
}


@dataclass(frozen=True)
class NodeSettings:
    """What the host, not the component, must know of a node's parameters."""

    use_sim_time: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """``<topic>.<publisher|subscription>.<policy>`` to value."""

    def qos(self, topic: str, kind: str, default: QoS) -> QoS:
        """Return the QoS of an endpoint, with the ``qos_overrides`` that hold for it.

        Args:
            topic: resolved name.
            kind: ``publisher`` or ``subscription``.

        Raises:
            ParameterError: a policy cannot be overridden, or its value is none of those wanted.
        """
        prefix = f"{topic}.{kind}."
        for name, value in self.overrides.items():
            if name.startswith(prefix):
                default = _override(default, name, name.removeprefix(prefix), value)
        return default


def split(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], NodeSettings]:
    """Part a node's parameters into the component's own and the host's.

    Raises:
        ParameterError: one of the host's has a value that this host cannot follow.
    """
    own, of_host = part(parameters)
    use_sim_time, autostart = of_host.get("use_sim_time", False), of_host.get("autostart", True)
    if not isinstance(use_sim_time, bool):
        raise ParameterError(f"Parameter 'use_sim_time' is {use_sim_time!r}: wanted true or false.")
    if autostart is not True:
        raise ParameterError(
            f"Parameter 'autostart' is {autostart!r}: without ROS 2 nobody could start the node later; wanted true."
        )
    overrides = {name.removeprefix(OVERRIDES): value for name, value in of_host.items() if name.startswith(OVERRIDES)}
    for name in overrides:
        if name.rpartition(".")[0].rpartition(".")[2] not in ("publisher", "subscription"):
            raise ParameterError(
                f"Parameter '{OVERRIDES}{name}': wanted {OVERRIDES}<topic>.<publisher|subscription>.<policy>."
            )
    return own, NodeSettings(use_sim_time, overrides)


def _override(qos: QoS, name: str, policy: str, value: Any) -> QoS:
    if policy == "depth":
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ParameterError(f"Parameter '{OVERRIDES}{name}' is {value!r}: wanted a whole number from 1.")
        return replace(qos, depth=value)
    if policy not in _CHOICES:
        raise ParameterError(f"Parameter '{OVERRIDES}{name}': wanted one of {', '.join(('depth', *_CHOICES))}.")
    if value not in _CHOICES[policy]:
        raise ParameterError(f"Parameter '{OVERRIDES}{name}' is {value!r}: wanted {' or '.join(_CHOICES[policy])}.")
    return qos if policy == "history" else replace(qos, **{policy: value})
