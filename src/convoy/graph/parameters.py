"""Parameters of components: typed, ranged, described, and refused by name."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from convoy.errors import ConvoyError, nearest


class ParameterError(ConvoyError):
    """A parameter is unknown, missing, of the wrong type or out of its range."""


class ComponentParameters(BaseModel):
    """Base of every component's ``Parameters``: each field is one ROS parameter, with a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


P = TypeVar("P", bound=ComponentParameters)


def parse(model: type[P], owner: str, values: Mapping[str, Any]) -> P:
    """Check `values` and make the parameters of the component named `owner`.

    Raises:
        ParameterError: names every parameter that is wrong, with the value found and what was wanted.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _refusal(model, owner, error.errors()) from None


def check(model: type[ComponentParameters], owner: str, values: Mapping[str, Any]) -> None:
    """Check `values`, as `parse` does, where more may follow: a parameter that is missing is no fault yet.

    Raises:
        ParameterError: as `parse`.
    """
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        if faults := [fault for fault in error.errors() if fault["type"] != "missing"]:
            raise _refusal(model, owner, faults) from None


def _refusal(model: type[ComponentParameters], owner: str, faults: Iterable[Any]) -> ParameterError:
    return ParameterError(f"{owner}: {'; '.join(_explain(model, fault) for fault in faults)}.")


def _explain(model: type[ComponentParameters], fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = nearest(name, model.model_fields)
        return f"there is no parameter {name!r}; nearest first: {', '.join(known) or 'it has none'}"
    if fault["type"] == "missing":
        return f"parameter {name!r} is missing; it is {model.model_fields[name].description}"
    wanted = fault["msg"][0].lower() + fault["msg"][1:]
    return f"parameter {name!r} is {fault['input']!r}, but {wanted.removeprefix('value error, ')}"


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter as a host shows it: with its ROS type, range and description."""

    name: str
    type: Literal["bool", "integer", "double", "string", "double_array", "integer_array", "string_array"]
    required: bool
    default: Any
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


def describe(model: type[ComponentParameters]) -> list[ParameterDescription]:
    """List the parameters of a component, in the order they were declared."""
    return [_describe(name, field) for name, field in model.model_fields.items()]


def _describe(name: str, field: Any) -> ParameterDescription:
    bounds: dict[str, float] = {}
    for constraint in field.metadata:
        for attribute, bound in (("ge", "minimum"), ("gt", "minimum"), ("le", "maximum"), ("lt", "maximum")):
            if (value := getattr(constraint, attribute, None)) is not None:
                bounds[bound] = value
    annotation = field.annotation
    choices = tuple(str(choice) for choice in typing.get_args(annotation)) if _is_literal(annotation) else ()
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return ParameterDescription(
        name,
        _ros_type(annotation),
        field.is_required(),
        str(default) if isinstance(default, Path) else default,
        field.description or "",
        choices=choices,
        **bounds,
    )


def _is_literal(annotation: Any) -> bool:
    return typing.get_origin(annotation) is Literal


def _ros_type(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(arm for arm in typing.get_args(annotation) if arm is not type(None))
    if annotation in (bool, int, float):
        return {bool: "bool", int: "integer", float: "double"}[annotation]
    if typing.get_origin(annotation) in (list, tuple):
        return _ros_type(typing.get_args(annotation)[0]) + "_array"
    return "string"
