"""Values of parameters in launch files, with the types that Jazzy's launch gives them.

What is written as a number, boolean or quoted string keeps its type. The result of a substitution is read as YAML:
``$(var speed)`` with ``0.5`` is a number, with ``true`` a boolean; ``type: str`` keeps it a string.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from convoy.launch.entities import Entity
from convoy.launch.errors import LaunchError, Place
from convoy.launch.substitutions import Context, Template, parse, perform

TYPES: dict[str, tuple[type[Any] | None, bool]] = {
    "str": (str, False),
    "bool": (bool, False),
    "int": (int, False),
    "float": (float, False),
    "list_of_str": (str, True),
    "list_of_bool": (bool, True),
    "list_of_int": (int, True),
    "list_of_float": (float, True),
    "yaml": (None, False),
}
"""What ``type:`` may say: the type of the value or of its items, and whether it is a list."""

Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter's value as it is written: a scalar, a text with substitutions, or a list of both."""

    written: Scalar | Template | list[Scalar | Template]
    type: type[Any] | None
    place: Place

    def evaluate(self, context: Context) -> Scalar | list[Scalar]:
        """Return the value, with its substitutions carried out.

        Raises:
            LaunchError: a substitution fails, or its result is not of the type wanted.
        """
        if not isinstance(self.written, list):
            return self._item(self.written, context, lists=True)
        items = [self._item(item, context) for item in self.written]
        return _uniform(items, self.place)

    def _item(self, item: Scalar | Template, context: Context, lists: bool = False) -> Any:
        return coerce(perform(item, context), self.type, self.place, lists) if isinstance(item, tuple) else item


def read_value(entity: Entity) -> Value | None:
    """Read ``value`` and ``type`` of an entity; None if there is no value.

    Raises:
        LaunchError: the value is not of the type given, or of none that a parameter can have.
    """
    identifier = entity.typed("type", str)
    if identifier is not None and identifier not in TYPES:
        raise LaunchError(f"{entity.place_of('type')}: found type {identifier!r}; supported: {', '.join(TYPES)}.")
    wanted, wants_list = TYPES[identifier or "yaml"]
    written, place = entity.value("value"), entity.place_of("value")
    if written is None:
        return None
    if identifier not in (None, "yaml") and isinstance(written, list) != wants_list:
        raise LaunchError(f"{place}: the value is {written!r}, but its type is {identifier!r}.")
    if isinstance(written, list):
        items = [_written(item, wanted, place) for item in written]
        _uniform([item for item in items if not isinstance(item, tuple)], place, may_be_empty=bool(items))
        return Value(items, wanted, place)
    return Value(_written(written, wanted, place), wanted, place)


def coerce(text: str, wanted: type[Any] | None, place: Place, lists: bool = False) -> Any:
    """Turn the result of a substitution into a value: of the type wanted, or of the one that YAML sees in it.

    Raises:
        LaunchError: it cannot be.
    """
    try:
        if wanted is str or (wanted is None and not text):
            return text
        if wanted in (int, float):
            return wanted(text)
        value = yaml.safe_load({"1": "true", "0": "false"}.get(text, text) if wanted is bool else text)
    except (yaml.YAMLError, ValueError):
        value = None
    if wanted is None and isinstance(value, list) and lists:
        return _uniform(value, place)
    if not isinstance(value, wanted or Scalar):
        name = wanted.__name__ if wanted else "bool, int, float, str or a list of one of them"
        raise LaunchError(f"{place}: found {text!r}; wanted {name}.")
    return value


def _written(value: Any, wanted: type[Any] | None, place: Place) -> Scalar | Template:
    """Check one scalar as it is written; a string with substitutions is checked when they are carried out."""
    if isinstance(value, str):
        template = parse(value, place)
        if any(not isinstance(part, str) for part in template):
            return template
        value = "".join(map(str, template))
    if not isinstance(value, wanted or Scalar):
        name = wanted.__name__ if wanted else "bool, int, float, str or a list of one of them"
        raise LaunchError(f"{place}: found {value!r} ({type(value).__name__}); wanted {name}.")
    return value


def _uniform(items: list[Any], place: Place, *, may_be_empty: bool = False) -> list[Any]:
    kinds = sorted({type(item).__name__ for item in items})
    if not items and not may_be_empty:
        raise LaunchError(f"{place}: found an empty list, whose type ROS 2 cannot know; leave the parameter out.")
    if len(kinds) > 1 or not all(isinstance(item, Scalar) for item in items):
        raise LaunchError(
            f"{place}: found a list of {' and '.join(kinds)}; wanted items of one type, such as 1.0 for 1."
        )
    return items
