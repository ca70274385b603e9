"""Launch arguments: those given on the command line, and those that a launch file declares."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from pathlib import Path

from convoy.launch.actions import Argument, Include, read_actions, walk
from convoy.launch.errors import LaunchError
from convoy.launch.substitutions import Context, perform


def parse_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Read arguments of the form ``name:=value``; of two values the last one wins.

    Raises:
        LaunchError: an argument has another form.
    """
    values = {}
    for argument in arguments:
        name, separator, value = argument.partition(":=")
        if not name or not separator:
            raise LaunchError(f"Found {argument!r} after the launch file; wanted NAME:=VALUE.")
        values[name] = value
    return values


def declared_arguments(path: Path | str) -> list[Argument]:
    """List the arguments of a launch file, and of its includes those that it leaves open.

    An include whose file depends on an argument is passed over.

    Raises:
        LaunchError: the file cannot be read.
    """
    return list(_declared(Path(os.path.abspath(path)), frozenset()).values())


def _declared(path: Path, outer: frozenset[Path]) -> dict[str, Argument]:
    actions = read_actions(path)
    found: dict[str, Argument] = {}
    for argument in walk(actions):
        if isinstance(argument, Argument):
            found.setdefault(argument.name, argument)
    for include in walk(actions):
        if isinstance(include, Include):
            given = {"".join(map(str, name)) for name, _, _ in include.arguments}
            for name, argument in _included(include, path, outer | {path}).items():
                if name not in given:
                    found.setdefault(name, argument)
    return found


def _included(include: Include, path: Path, outer: frozenset[Path]) -> dict[str, Argument]:
    try:
        file = Path(os.path.abspath(perform(include.file, Context({}, path.parent))))
    except LaunchError:
        return {}
    return {} if file in outer else _declared(file, outer)
