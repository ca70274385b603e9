"""Launch files, parameter files and ROS arguments: from text to a graph of components."""

from convoy.launch.arguments import declared_arguments, parse_arguments
from convoy.launch.build import build, convoy_nodes
from convoy.launch.description import LaunchDescription, Node, load
from convoy.launch.errors import LaunchError
from convoy.launch.packages import default_launch_file

__all__ = [
    "LaunchDescription",
    "LaunchError",
    "Node",
    "build",
    "convoy_nodes",
    "declared_arguments",
    "default_launch_file",
    "load",
    "parse_arguments",
]
