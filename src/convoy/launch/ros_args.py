"""The arguments after ``--ros-args`` (ROS 2 design, "ROS command line arguments")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from convoy.errors import ConvoyError
from convoy.graph.names import NodeName
from convoy.launch.parameters import EVERY_NODE, ParameterRules, parse_yaml

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


class RosArgumentError(ConvoyError):
    """An argument after ``--ros-args`` has not the form that ROS 2 gives it."""


@dataclass
class RosArguments:
    """What the arguments say of one node."""

    node: NodeName
    rules: ParameterRules
    log_level: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The values that hold for the node."""
        return self.rules.select(self.node.full)


def parse_ros_arguments(arguments: Sequence[str], default_name: str) -> RosArguments:
    """Read ``--ros-args`` and what follows it, for a node that is named `default_name` unless told otherwise.

    Knows ``-r from:=to`` (with ``__node`` and ``__ns``), ``-p name:=value``, ``--params-file``, ``--log-level``, each
    with an optional ``node:`` before a rule. Of two remappings the first holds, of two parameters the later (see
    `ParameterRules`).

    Raises:
        RosArgumentError: an argument is unknown or malformed; the message shows the form wanted.
        ParameterError: a parameter file cannot be read.
    """
    rest = [argument for argument in arguments if argument not in ("--ros-args", "--")]
    names: dict[str, str] = {}
    remappings: dict[str, str] = {}
    rules = ParameterRules()
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
            rules.add_file(Path(value))
        elif option == "--log-level":
            log_level = value.rpartition(":=")[2].lower()
            if log_level not in LOG_LEVELS:
                raise RosArgumentError(f"--log-level {value!r}: wanted one of {', '.join(LOG_LEVELS)}.")
        else:
            source, separator, target = value.partition(":=")
            if not separator or not source:
                raise RosArgumentError(
                    f"{option} {value!r}: wanted {'NAME:=VALUE' if option in ('-p', '--param') else 'FROM:=TO'}."
                )
            node, _, source = source.rpartition(":")
            if option in ("-p", "--param"):
                rules.add(f"/{node}" if node else EVERY_NODE, {source: _value(option, value, target)})
            elif source in ("__node", "__name"):
                names.setdefault("node", target)
            elif source == "__ns":
                names.setdefault("ns", target)
            elif not node or node == names.get("node", default_name):
                remappings.setdefault(source, target)
    name = NodeName(names.get("node", default_name), names.get("ns", "/"), remappings)
    return RosArguments(name, rules, log_level)


def _value(option: str, rule: str, text: str) -> Any:
    try:
        return parse_yaml(text) if text else ""
    except yaml.YAMLError:
        raise RosArgumentError(f"{option} {rule!r}: the value is not YAML.") from None
