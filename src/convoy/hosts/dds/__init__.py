"""Live without ROS: components as ROS 2 nodes over Eclipse Cyclone DDS."""

from convoy.hosts.dds.discovery import Discovery, Endpoint
from convoy.hosts.dds.host import DdsHost
from convoy.hosts.dds.participant import Node, Participant, Publisher, Subscription
from convoy.hosts.dds.settings import NodeSettings
from convoy.hosts.dds.wire import DdsError

__all__ = [
    "DdsError",
    "DdsHost",
    "Discovery",
    "Endpoint",
    "Node",
    "NodeSettings",
    "Participant",
    "Publisher",
    "Subscription",
]
