"""From a launch file and its arguments to the nodes to run: what ``ros2 launch`` makes of the same file."""

from __future__ import annotations

import os.path
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from convoy.errors import ConvoyError, nearest
from convoy.graph import NamingError, NodeName, ParameterError
from convoy.launch.actions import (
    Action,
    Argument,
    Condition,
    Group,
    Include,
    Let,
    Parameters,
    PushNamespace,
    StartNode,
    read_actions,
    walk,
)
from convoy.launch.errors import LaunchError, Place
from convoy.launch.parameters import EVERY_NODE, ParameterRules, parse_yaml, written
from convoy.launch.ros_args import parse_ros_arguments
from convoy.launch.substitutions import Context, Template, perform
from convoy.launch.values import coerce

NAMESPACE_VARIABLE = "ros_namespace"
"""Where launch_ros keeps the pushed namespace: a variable, so that groups scope it."""


@dataclass(frozen=True)
class Node:
    """One node to run.

    Attributes:
        parameters: files and inline values, merged as rcl merges them.
        place: the line that starts it.
    """

    package: str
    executable: str
    name: NodeName
    parameters: Mapping[str, Any]
    log_level: str
    respawn: bool
    respawn_delay_s: float
    place: Place

    def ros_arguments(self) -> list[str]:
        """Return the arguments that tell all of this to a process: ``--ros-args`` and what follows."""
        arguments = ["--ros-args", "-r", f"__node:={self.name.name}", "-r", f"__ns:={self.name.namespace}"]
        for source, target in self.name.remappings.items():
            arguments += ["-r", f"{source}:={target}"]
        for name, value in self.parameters.items():
            arguments += ["-p", f"{name}:={written(value)}"]
        return [*arguments, "--log-level", self.log_level]


@dataclass(frozen=True)
class LaunchDescription:
    """What a launch file gives with certain arguments."""

    path: Path
    nodes: Sequence[Node]
    arguments: Sequence[Argument]
    """All that the file and its includes declare."""


def load(path: Path | str, arguments: Mapping[str, str] | None = None) -> LaunchDescription:
    """Carry out a launch file, up to but not including the start of its nodes.

    Args:
        path: a YAML launch file.
        arguments: values for the arguments that it declares.

    Raises:
        LaunchError: the file, or one that it includes, has something that is not supported or cannot be done; an
            argument is unknown, missing, or none of its choices.
    """
    path = Path(os.path.abspath(path))
    run = _Run(Context({}, path.parent))
    run.file(path, dict(arguments or {}), "the command line", str(path))
    return LaunchDescription(path, run.nodes, list(run.declared.values()))


@dataclass
class _Run:
    """Carries actions out in order; as in Jazzy, an include shares the variables of the file that includes it."""

    context: Context
    nodes: list[Node] = field(default_factory=list)
    declared: dict[str, Argument] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    """The files that are being carried out, the outermost first."""

    def file(self, path: Path, given: Mapping[str, str | Template], giver: str, place: Place | str) -> None:
        """Carry out a file; `giver` and `place` say in errors who gives it the arguments, and where."""
        if path in self.files:
            raise LaunchError(f"{place}: {path} includes itself: {' -> '.join(map(str, (*self.files, path)))}.")
        actions = read_actions(path)
        for argument in walk(actions, certain=True):
            if isinstance(argument, Argument) and argument.default is None and argument.name not in given:
                about = f" ({argument.description})" if argument.description else ""
                raise LaunchError(
                    f"{place}: argument {argument.name!r}{about} has no default, and {giver} gives no value for it; "
                    f"given: {', '.join(given) or 'nothing'}."
                )
        self.context.directory = path.parent
        for name, value in given.items():
            self.context.variables[name] = value if isinstance(value, str) else perform(value, self.context)
        outer_declared, self.declared = self.declared, {}
        self.files += (path,)
        for argument in walk(actions):
            if isinstance(argument, Argument):
                self.declared.setdefault(argument.name, argument)
        self.all(actions)
        self.files = self.files[:-1]
        for name in given:
            if name not in self.declared:
                known = ", ".join(nearest(name, self.declared)) or "it has none"
                raise LaunchError(
                    f"{place}: {giver} gives {name!r}, which is no argument of {path.name}; nearest first: {known}."
                )
        self.declared = outer_declared | {k: v for k, v in self.declared.items() if k not in outer_declared}

    def all(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if action.condition is None or self._holds(action.condition):
                self._one(action)

    def _one(self, action: Action) -> None:
        match action:
            case Argument():
                self._argument(action)
            case Let():
                self.context.variables[self._text(action.name)] = self._text(action.value)
            case Include():
                self._include(action)
            case PushNamespace():
                pushed = _join(self.context.variables.get(NAMESPACE_VARIABLE), self._text(action.namespace))
                self.context.variables[NAMESPACE_VARIABLE] = _checked(pushed or "/", action.place)
            case Group():
                inner = self.context.variables.copy() if action.scoped else self.context.variables
                outer, self.context.variables = self.context.variables, inner
                self.all(action.actions)
                self.context.variables = outer
            case StartNode():
                self._node(action)

    def _argument(self, argument: Argument) -> None:
        variables = self.context.variables
        if argument.name not in variables:
            if argument.default is None:
                raise LaunchError(
                    f"{argument.place}: argument {argument.name!r} has no default, and no value is given."
                )
            variables[argument.name] = self._text(argument.default)
        if argument.choices and variables[argument.name] not in argument.choices:
            choices = ", ".join(argument.choices)
            raise LaunchError(
                f"{argument.place}: {argument.name!r} is {variables[argument.name]!r}; wanted one of {choices}."
            )

    def _include(self, include: Include) -> None:
        path = Path(os.path.abspath(self._text(include.file)))
        if not path.is_file():
            raise LaunchError(f"{include.place}: there is no launch file {path}.")
        given: dict[str, str | Template] = {self._text(name): value for name, value, _ in include.arguments}
        self.file(path, given, "this include", include.place)

    def _node(self, action: StartNode) -> None:
        executable = self._text(action.executable)
        name = None if action.name is None else self._text(action.name)
        given_namespace = None if action.namespace is None else self._text(action.namespace)
        namespace = _join(self.context.variables.get(NAMESPACE_VARIABLE), given_namespace)
        arguments = shlex.split(perform(action.ros_arguments, self.context, quote=shlex.quote))
        for source, target in action.remappings:
            arguments += ["-r", f"{self._text(source)}:={self._text(target)}"]
        if name is not None:
            arguments += ["-r", f"__node:={name}"]
        if namespace is not None:
            arguments += ["-r", f"__ns:={namespace}"]
        try:
            ros = parse_ros_arguments(arguments, default_name=executable)
        except ConvoyError as error:
            raise LaunchError(f"{action.place}: {error}") from None
        pattern = EVERY_NODE if name is None or namespace is None else ros.node.full
        for parameters in action.parameters:
            self._parameters(parameters, ros.rules, pattern)
        for other in self.nodes:
            if other.name.full == ros.node.full:
                raise LaunchError(f"{action.place}: the node of {other.place} is called {ros.node.full!r} too.")
        self.nodes.append(
            Node(
                self._text(action.package),
                executable,
                ros.node,
                ros.parameters,
                ros.log_level,
                coerce(self._text(action.respawn), bool, action.place),
                action.respawn_delay_s,
                action.place,
            )
        )

    def _parameters(self, parameters: Parameters, rules: ParameterRules, pattern: str) -> None:
        if parameters.file is not None:
            try:
                rules.add_file(Path(os.path.abspath(self._text(parameters.file))))
            except ParameterError as error:
                raise LaunchError(f"{parameters.place}: {error}") from None
        for name, value in parameters.values:
            # launch_ros hands values over in a YAML file, which rcl then reads in its own way.
            rules.add(pattern, {self._text(name): parse_yaml(yaml.safe_dump(value.evaluate(self.context)))})

    def _holds(self, condition: Condition) -> bool:
        text = self._text(condition.text).strip().lower()
        if text not in ("true", "1", "false", "0"):
            raise LaunchError(f"{condition.place}: the condition is {text!r}; wanted true, false, 1 or 0.")
        return (text in ("true", "1")) == condition.wanted

    def _text(self, template: Template) -> str:
        return perform(template, self.context)


def _join(outer: str | None, inner: str | None) -> str | None:
    """Put a namespace into another one, as launch_ros does; both may be absent."""
    if inner is None:
        joined = outer
    elif not outer or inner.startswith("/"):
        joined = inner
    else:
        joined = f"{outer.rstrip('/')}/{inner}"
    return None if joined is None else "/" + joined.strip("/")


def _checked(namespace: str, place: Place) -> str:
    try:
        return NodeName("node", namespace).namespace
    except NamingError as error:
        raise LaunchError(f"{place}: {error}") from None
