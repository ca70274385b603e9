"""What a launch file says to do: its entities, checked as a whole before any is carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convoy.errors import nearest
from convoy.launch.entities import Entity, read_file
from convoy.launch.errors import LaunchError, Place
from convoy.launch.substitutions import Template
from convoy.launch.values import Value, read_value

OUTPUTS = ("screen", "log", "both", "own_log", "full")
"""What ``output`` may say to ros2 launch; convoy shows all that its nodes write, whatever it says."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``if`` or ``unless``."""

    text: Template
    wanted: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Argument:
    """``arg``: a variable that may be given from outside."""

    name: str
    default: Template | None
    default_text: str | None
    description: str
    choices: tuple[str, ...]
    place: Place
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Let:
    """``let``: sets a variable."""

    name: Template
    value: Template
    place: Place
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Include:
    """``include``: carries out another launch file, in the same scope."""

    file: Template
    arguments: tuple[tuple[Template, Template, Place], ...]
    place: Place
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class PushNamespace:
    """``push_ros_namespace``: holds until the end of the scoped group."""

    namespace: Template
    place: Place
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Group:
    """``group``: a scoped one forgets at its end what was set inside."""

    actions: tuple[Action, ...]
    scoped: bool
    place: Place
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Parameters:
    """One ``param`` of a node: a file (``from``), or values by name."""

    file: Template | None
    values: tuple[tuple[Template, Value], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class StartNode:
    """``node``."""

    package: Template
    executable: Template
    name: Template | None
    namespace: Template | None
    parameters: tuple[Parameters, ...]
    remappings: tuple[tuple[Template, Template], ...]
    ros_arguments: Template
    respawn: Template
    respawn_delay_s: float
    place: Place
    condition: Condition | None


Action = Argument | Let | Include | PushNamespace | Group | StartNode


def read_actions(path: Path) -> tuple[Action, ...]:
    """Read a launch file and check all of it.

    Raises:
        LaunchError: it is not a launch file, or has something that is not supported.
    """
    try:
        return tuple(_action(child) for child in read_file(path).children())
    except RecursionError:
        raise LaunchError(f"{path}: an alias (*) stands inside of what it stands for.") from None


def walk(actions: Iterable[Action], *, certain: bool = False) -> Iterator[Action]:
    """List the actions of a file and of its groups, without its includes.

    Args:
        certain: leave out those that a condition can skip.
    """
    for action in actions:
        if certain and action.condition:
            continue
        yield action
        if isinstance(action, Group):
            yield from walk(action.actions, certain=certain)


def _action(entity: Entity) -> Action:
    if entity.kind not in _READERS:
        likely = ", ".join(nearest(entity.kind, _READERS))
        raise LaunchError(f"{entity.place}: found {entity.kind!r}; supported, nearest first: {likely}.")
    condition = _condition(entity)
    action = _READERS[entity.kind](entity, condition)
    entity.finish()
    return action


def _condition(entity: Entity) -> Condition | None:
    wanted, unwanted = entity.text("if"), entity.text("unless")
    if wanted is not None and unwanted is not None:
        raise LaunchError(f"{entity.place}: {entity.kind!r} has both 'if' and 'unless'.")
    if wanted is not None:
        return Condition(wanted, True, entity.place_of("if"))
    return None if unwanted is None else Condition(unwanted, False, entity.place_of("unless"))


def _required_plain(entity: Entity, name: str) -> str:
    if not (text := entity.plain(name)):
        raise LaunchError(f"{entity.place}: {entity.kind!r} has no {name!r}.")
    return text


def _argument(entity: Entity, condition: Condition | None) -> Argument:
    choices = []
    for choice in entity.entities("choice") or ():
        choices.append(_required_plain(choice, "value"))
        choice.finish()
    return Argument(
        _required_plain(entity, "name"),
        entity.text("default"),
        entity.typed("default", str),
        entity.plain("description") or "",
        tuple(choices),
        entity.place,
        condition,
    )


def _let(entity: Entity, condition: Condition | None) -> Let:
    return Let(entity.required_text("name"), entity.required_text("value"), entity.place, condition)


def _include(entity: Entity, condition: Condition | None) -> Include:
    arguments = []
    for argument in entity.entities("arg") or ():
        arguments.append((argument.required_text("name"), argument.required_text("value"), argument.place))
        argument.finish()
    return Include(entity.required_text("file"), tuple(arguments), entity.place, condition)


def _push_namespace(entity: Entity, condition: Condition | None) -> PushNamespace:
    return PushNamespace(entity.required_text("namespace"), entity.place, condition)


def _group(entity: Entity, condition: Condition | None) -> Group:
    scoped = entity.typed("scoped", bool)
    actions = tuple(_action(child) for child in entity.children())
    return Group(actions, scoped is not False, entity.place, condition)


def _node(entity: Entity, condition: Condition | None) -> StartNode:
    output = entity.plain("output")
    if output is not None and output not in OUTPUTS:
        raise LaunchError(f"{entity.place_of('output')}: found output {output!r}; supported: {', '.join(OUTPUTS)}.")
    delay = entity.typed("respawn_delay", float) or 0.0
    if delay < 0:
        raise LaunchError(
            f"{entity.place_of('respawn_delay')}: 'respawn_delay' is {delay}; wanted seconds, 0.0 or more."
        )
    respawn = entity.text("respawn")
    remappings = []
    for remap in entity.entities("remap") or ():
        remappings.append((remap.required_text("from"), remap.required_text("to")))
        remap.finish()
    return StartNode(
        package=entity.required_text("pkg"),
        executable=entity.required_text("exec"),
        name=entity.text("name"),
        namespace=entity.text("namespace"),
        parameters=tuple(_parameters(param) for param in entity.entities("param") or ()),
        remappings=tuple(remappings),
        ros_arguments=entity.text("ros_args") or (),
        respawn=("false",) if respawn is None else respawn,
        respawn_delay_s=delay,
        place=entity.place,
        condition=condition,
    )


def _parameters(entity: Entity) -> Parameters:
    if (file := entity.text("from")) is not None:
        entity.finish()
        return Parameters(file, (), entity.place)
    return Parameters(None, tuple(_values(entity, ())), entity.place)


def _values(entity: Entity, prefix: Template) -> Iterator[tuple[Template, Value]]:
    """List the values of a ``param``; the names of nested ones are joined with dots."""
    name = prefix + entity.required_text("name")
    value, nested = read_value(entity), entity.entities("param")
    entity.finish()
    if (value is None) == (nested is None):
        raise LaunchError(f"{entity.place}: a 'param' has either a 'value' or nested 'param', or 'from' a file.")
    if value is not None:
        yield name, value
    for inner in nested or ():
        yield from _values(inner, (*name, "."))


_READERS: dict[str, Callable[[Entity, Condition | None], Action]] = {
    "arg": _argument,
    "let": _let,
    "include": _include,
    "group": _group,
    "push_ros_namespace": _push_namespace,
    "push-ros-namespace": _push_namespace,
    "node": _node,
}
