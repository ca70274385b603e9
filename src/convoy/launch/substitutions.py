"""Substitutions in the texts of a launch file, ``$(var speed)``, by the grammar of ROS 2 Jazzy's launch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from convoy.errors import nearest
from convoy.launch.errors import LaunchError, Place
from convoy.launch.packages import package_share

SUPPORTED = {
    "var": "$(var NAME) or $(var NAME DEFAULT)",
    "env": "$(env NAME) or $(env NAME DEFAULT)",
    "dirname": "$(dirname)",
    "find-pkg-share": "$(find-pkg-share PACKAGE)",
}
_ARGUMENTS = {"var": (1, 2), "env": (1, 2), "dirname": (0, 0), "find-pkg-share": (1, 1)}
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Call:
    """One substitution."""

    name: str
    arguments: tuple[Template, ...]
    place: Place


Template = tuple[str | Call, ...]
"""A text with its substitutions, in order."""


@dataclass
class Context:
    """What substitutions see while a launch file is carried out."""

    variables: dict[str, str]
    directory: Path
    """Where Jazzy's ``$(dirname)`` points: the folder of the file that was included last, even after its end."""


def parse(text: str, place: Place) -> Template:
    """Take a text apart. A backslash takes the special meaning from the character after it.

    Raises:
        LaunchError: a substitution is unknown, malformed, or has too few or too many arguments.
    """
    return _Parser(text, place).template(lambda position: False)


def perform(template: Template, context: Context, quote: Callable[[str], str] = str) -> str:
    """Put a text together.

    Args:
        quote: is applied to what each substitution gives.

    Raises:
        LaunchError: a variable, an environment variable or a package does not exist.
    """
    return "".join(part if isinstance(part, str) else quote(_call(part, context)) for part in template)


def _call(call: Call, context: Context) -> str:
    arguments = [perform(argument, context) for argument in call.arguments]
    if call.name == "var":
        return _look_up(arguments, context.variables, "variable", call.place)
    if call.name == "env":
        return _look_up(arguments, os.environ, "environment variable", call.place)
    if call.name == "find-pkg-share":
        return str(package_share(arguments[0], str(call.place)))
    here = call.place.path.parent
    if context.directory != here:
        raise LaunchError(
            f"{call.place}: here Jazzy's $(dirname) is {context.directory}, the folder of the file included last, "
            f"not {here}. Keep it in a variable before the include: - let: {{name: here, value: $(dirname)}}"
        )
    return str(here)


def _look_up(arguments: list[str], values: Mapping[str, str], kind: str, place: Place) -> str:
    name, *default = arguments
    if name in values:
        return values[name]
    if default:
        return default[0]
    known = f"; nearest first: {', '.join(nearest(name, values)[:5]) or 'none is set'}"
    raise LaunchError(f"{place}: there is no {kind} {name!r}{known}.")


class _Parser:
    """Recursive descent through one text."""

    def __init__(self, text: str, place: Place) -> None:
        self._text = text
        self._place = place
        self._at = 0

    def template(self, ends: Callable[[int], bool]) -> Template:
        """Read up to where `ends` holds, or up to the end."""
        parts: list[str | Call] = []
        start = self._at
        while self._at < len(self._text) and not ends(self._at):
            if self._is("$(", self._at):
                self._flush(parts, start)
                parts.append(self._substitution())
                start = self._at
            else:
                self._at += 1
        self._flush(parts, start)
        return tuple(parts)

    def _substitution(self) -> Call:
        start = self._at
        identifier = _IDENTIFIER.match(self._text, start + 2)
        if identifier is None:
            raise self._malformed(start)
        name = identifier.group()
        if name not in SUPPORTED:
            raise LaunchError(f"{self._place}: found $({name}); supported: {'; '.join(SUPPORTED.values())}.")
        self._at = identifier.end()
        arguments = []
        while self._at < len(self._text) and self._text[self._at] == " ":
            self._at += 1
            arguments.append(self._argument(start))
        if not self._is(")", self._at):
            raise self._malformed(start)
        self._at += 1
        low, high = _ARGUMENTS[name]
        if not low <= len(arguments) <= high:
            found = self._text[start : self._at]
            raise LaunchError(
                f"{self._place}: found {found!r}, with {len(arguments)} arguments; wanted {SUPPORTED[name]}."
            )
        return Call(name, tuple(arguments), self._place)

    def _argument(self, substitution: int) -> Template:
        quote = self._text[self._at : self._at + 1]
        if quote and quote in "'\"":
            self._at += 1
            argument = self.template(lambda position: self._is(quote, position))
            if self._at == len(self._text):
                raise self._malformed(substitution)
            self._at += 1
            return argument
        argument = self.template(lambda position: any(self._is(stop, position) for stop in " ()'\""))
        if not argument:
            raise self._malformed(substitution)
        return argument

    def _is(self, wanted: str, position: int) -> bool:
        escaped = position > 0 and self._text[position - 1] == "\\" and wanted != " "
        return self._text.startswith(wanted, position) and not escaped

    def _flush(self, parts: list[str | Call], start: int) -> None:
        if raw := self._text[start : self._at]:
            parts.append(re.sub(r"\\(.)", r"\1", raw))

    def _malformed(self, start: int) -> LaunchError:
        return LaunchError(
            f"{self._place}: cannot read {self._text[start:]!r}; a substitution is $(NAME ARGUMENT ...), with one "
            "space before each argument, and quotes around an argument that has spaces."
        )
