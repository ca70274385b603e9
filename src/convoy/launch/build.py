"""The graph of a launch file in this process: components and their names, for the in-process executor."""

from __future__ import annotations

from convoy.components import COMPONENTS, component_class
from convoy.errors import ConvoyError, nearest
from convoy.graph import Component, NodeName
from convoy.graph.parameters import part
from convoy.launch.description import LaunchDescription, Node
from convoy.launch.errors import LaunchError

PACKAGE = "convoy_ros"
"""The ROS package whose executables are convoy's components."""


def build(description: LaunchDescription) -> list[tuple[Component, NodeName]]:
    """Make the components of a launch file, in its order; none is attached to a host yet.

    Raises:
        LaunchError: a node is no component of convoy, or a parameter of it is wrong.
    """
    return [(_component(node), node.name) for node in convoy_nodes(description)]


def convoy_nodes(description: LaunchDescription) -> list[Node]:
    """Return the nodes of a launch file, all of which must be components of convoy.

    Raises:
        LaunchError: there is no node, or one is of another package or unknown.
    """
    if not description.nodes:
        raise LaunchError(f"{description.path}: starts no node with these arguments.")
    for node in description.nodes:
        if node.package != PACKAGE:
            raise LaunchError(
                f"{node.place}: {node.name.full} is of the package {node.package!r}, but without ROS only {PACKAGE!r} "
                "runs. Start it with ros2 launch, or give it an 'if' so that it can be left out."
            )
        if node.executable not in COMPONENTS:
            likely = ", ".join(nearest(node.executable, COMPONENTS))
            raise LaunchError(f"{node.place}: {PACKAGE} has no {node.executable!r}; nearest first: {likely}.")
    return list(description.nodes)


def _component(node: Node) -> Component:
    try:
        own, _ = part(node.parameters)
        return component_class(node.executable)(node.name.name, own)
    except ConvoyError as error:
        raise LaunchError(f"{node.place}: {error}") from None
