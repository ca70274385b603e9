"""Parameters of components: typed, ranged, described, and refused by name."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from convoy.errors import ConvoyError, nearest


class ParameterError(ConvoyError):
    """A parameter is unknown, missing, of the wrong type or out of its range."""


class ComponentParameters(BaseModel):
    """Base of every component's ``Parameters``: each field is one ROS parameter, with a description."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=(), validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_ros_type(cls, value: Any, field: ValidationInfo) -> Any:
        """Take no text and no truth value for a number, and no number or text for a truth value."""
        wanted = _ros_type(cls.model_fields[field.field_name or ""].annotation)
        if wanted in ("bool", "integer", "double") and value is not None:
            numeric = not isinstance(value, bool | str)
            if isinstance(value, str) or numeric == (wanted == "bool"):
                raise ValueError(f"its type must be {wanted}")
        return value


OVERRIDES = "qos_overrides."
"""What the names of parameters begin with that change the quality of service of a port."""
_OF_HOST = ("use_sim_time", "autostart")


def part(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a node's parameters into the component's own and those that its host obeys, which every node has."""
    own: dict[str, Any] = {}
    of_host: dict[str, Any] = {}
    for name, value in parameters.items():
        (of_host if name in _OF_HOST or name.startswith(OVERRIDES) else own)[name] = value
    return own, of_host


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


def values(parameters: ComponentParameters) -> dict[str, str]:
    """Return what is set, as text. Fields with ``repr=False`` are secret and left out."""
    fields = type(parameters).model_fields
    return {name: str(getattr(parameters, name)) for name, field in fields.items() if field.repr}


def _refusal(model: type[ComponentParameters], owner: str, faults: Iterable[Any]) -> ParameterError:
    return ParameterError(f"{owner}: {'; '.join(_explain(model, fault) for fault in faults)}.")


def _explain(model: type[ComponentParameters], fault: Any) -> str:
    wanted = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:  # a rule for several parameters together
        return str(wanted)
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = nearest(name, model.model_fields)
        return f"there is no parameter {name!r}; nearest first: {', '.join(known) or 'it has none'}"
    if fault["type"] == "missing":
        return f"parameter {name!r} is missing; it is {model.model_fields[name].description}"
    return f"parameter {name!r} is {fault['input']!r}, but {wanted[0].lower()}{wanted[1:]}"


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter as a host shows it: with its ROS type, range and description."""

    name: str
    type: str
    """``bool``, ``integer``, ``double``, ``string``, or one of them and ``_array``."""
    required: bool
    default: Any
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


def describe(model: type[ComponentParameters]) -> list[ParameterDescription]:
    """List the parameters of a component, in the order they were declared.

    Raises:
        ParameterError: one has a type that ROS 2 has not.
    """
    return [_describe(name, field) for name, field in model.model_fields.items()]


def _describe(name: str, field: Any) -> ParameterDescription:
    bounds: dict[str, float] = {}
    for constraint in field.metadata:
        for attribute, bound in (("ge", "minimum"), ("gt", "minimum"), ("le", "maximum"), ("lt", "maximum")):
            if (value := getattr(constraint, attribute, None)) is not None:
                bounds[bound] = value
    kind = _ros_type(field.annotation)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return ParameterDescription(
        name,
        kind,
        field.is_required(),
        str(default) if isinstance(default, Path) else default,
        field.description or "",
        choices=typing.get_args(field.annotation) if typing.get_origin(field.annotation) is Literal else (),
        **bounds,
    )


def _ros_type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _ros_type(next(arm for arm in arguments if arm is not types.NoneType))
    if origin in (list, tuple):
        return _ros_type(arguments[0]) + "_array"
    if origin is Literal and all(isinstance(choice, str) for choice in arguments):
        return "string"
    names = {bool: "bool", int: "integer", float: "double", str: "string", Path: "string"}
    if annotation not in names:
        raise ParameterError(
            f"No parameter can be a {annotation}: wanted bool, int, float, str, Path or lists of them."
        )
    return names[annotation]
