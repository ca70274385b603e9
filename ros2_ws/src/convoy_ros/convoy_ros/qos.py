"""Quality of service between convoy's terms and rclpy's, and who does not match."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)

from convoy.graph import QoS

OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
"""Policies with a parameter ``qos_overrides.<topic>.<publisher|subscription>.<policy>``, on every live host."""


def profile(qos: QoS) -> QoSProfile:
    """Return a port's quality of service as rclpy takes it."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=ReliabilityPolicy[qos.reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )


def warn_of_publishers(node: Node, topic: str, requested: QoSProfile) -> Callable[[object], None]:
    """Return a handler that names the publishers from which a subscription gets nothing, and why."""

    def handler(_: object) -> None:
        for peer in node.get_publishers_info_by_topic(topic):
            verdict, reason = qos_check_compatible(peer.qos_profile, requested)
            if verdict == QoSCompatibility.ERROR:
                node.get_logger().warning(f"{topic}: nothing will come from {_name(peer)}. {reason}")

    return handler


def warn_of_subscriptions(node: Node, topic: str, offered: QoSProfile) -> Callable[[object], None]:
    """Return a handler that names the subscriptions to which a publisher sends nothing, and why."""

    def handler(_: object) -> None:
        for peer in node.get_subscriptions_info_by_topic(topic):
            verdict, reason = qos_check_compatible(offered, peer.qos_profile)
            if verdict == QoSCompatibility.ERROR:
                node.get_logger().warning(f"{topic}: nothing will go to {_name(peer)}. {reason}")

    return handler


def _name(peer: object) -> str:
    return f"{peer.node_namespace.rstrip('/')}/{peer.node_name}"  # type: ignore[attr-defined]
