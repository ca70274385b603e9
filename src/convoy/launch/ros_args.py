"""The arguments after ``--ros-args`` (ROS 2 design, "ROS command line arguments")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from convoy.errors import ConvoyError
from convoy.graph.names import NodeName
from convoy.launch.parameters import read_parameters

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


class RosArgumentError(ConvoyError):
    """An argument after ``--ros-args`` has not the form that ROS 2 gives it."""


@dataclass
class RosArguments:
    """What the arguments say of one node."""

    node: NodeName
    parameters: dict[str, Any] = field(default_factory=dict)
    log_level: str = "info"


def parse_ros_arguments(arguments: Sequence[str], default_name: str) -> RosArguments:
    """Read ``--ros-args`` and what follows it, for a node that is named `default_name` unless told otherwise.

    Knows ``-r from:=to`` (with ``__node`` and ``__ns``), ``-p name:=value``, ``--params-file``, ``--log-level``, each
    with an optional ``node:`` before a rule. Parameters hold in the order given; a later one wins.

    Raises:
        RosArgumentError: an argument is unknown or malformed; the message shows the form wanted.
        ParameterError: a parameter file cannot be read.
    """
    rest = [argument for argument in arguments if argument not in ("--ros-args", "--")]
    names = {"__node": default_name, "__ns": "/"}
    remappings: dict[str, str] = {}
    rules: list[tuple[str | None, str, str]] = []
    log_level = "info"
    while rest:
        option = rest.pop(0)
        if option not in ("-r", "--remap", "-p", "--param", "--params-file", "--log-level"):
            raise RosArgumentError(
                f"After --ros-args, found {option!r}; wanted -r FROM:=TO, -p NAME:=VALUE, --params-file FILE "
                "or --log-level LEVEL."
            )
        if not rest:
            raise RosArgumentError(f"{option} wants a value after it.")
        value = rest.pop(0)
        if option == "--params-file":
            rules.append((None, option, value))
        elif option == "--log-level":
            log_level = value.rpartition(":=")[2].lower()
            if log_level not in LOG_LEVELS:
                raise RosArgumentError(f"--log-level {value!r}: wanted one of {', '.join(LOG_LEVELS)}.")
        else:
            source, separator, target = value.partition(":=")
            if not separator or not source:
                raise RosArgumentError(f"{option} {value!r}: wanted {'NAME:=VALUE' if option in ('-p', '--param') else 'FROM:=TO'}.")
            node, _, source = source.rpartition(":")
            if option in ("-p", "--param"):
                rules.append((node or None, source, target))
            elif source in ("__node", "__name"):
                names["__node"] = target
            elif source == "__ns":
                names["__ns"] = target
            elif not node or node == names["__node"]:
                remappings[source] = target
    node_name = NodeName(names["__node"], names["__ns"], remappings)
    parameters: dict[str, Any] = {}
    for only, key, value in rules:
        if key == "--params-file":
            parameters |= read_parameters(Path(value), node_name.full)
        elif only is None or only == node_name.name:
            parameters[key] = yaml.safe_load(value) if value else ""
    return RosArguments(node_name, parameters, log_level)
