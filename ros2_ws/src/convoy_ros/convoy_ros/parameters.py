"""A component's parameters as a node's: declared with type, range and description, and read back."""

from __future__ import annotations

import math
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from convoy.graph import ComponentParameters
from convoy.graph.parameters import ParameterDescription, check, describe

_INT64 = 2**63 - 1
_ARRAYS = {
    Parameter.Type.BOOL_ARRAY,
    Parameter.Type.INTEGER_ARRAY,
    Parameter.Type.DOUBLE_ARRAY,
    Parameter.Type.STRING_ARRAY,
}


def declare(node: Node, model: type[ComponentParameters]) -> None:
    """Declare a component's parameters on its node, with the values that the node was started with.

    One without default and without value is declared all the same: it may be set until the node is configured.

    Raises:
        ParameterError: a value that the node was started with is unknown or out of range.
    """
    kinds = {description.name: Parameter.Type[description.type.upper()] for description in describe(model)}
    # rclpy has no public way to ask for values that belong to no declared parameter; they would be ignored.
    given = {
        name: _widened(parameter, kinds.get(name)).value
        for name, parameter in node._parameter_overrides.items()
        if not node.has_parameter(name) and not name.startswith("qos_overrides.")
    }
    check(model, node.get_name(), given)
    for description in describe(model):
        value = given.get(description.name, description.default)
        kind = kinds[description.name]
        empty = kind in _ARRAYS and value is not None and not len(value)
        node.declare_parameter(
            description.name,
            kind if value is None or empty else _as(kind, value),
            _descriptor(description),
            ignore_override=True,
        )
        if empty:  # declared by its type, which rclpy does not see in it; while one is not set, rclpy tells of none
            node.set_parameters([Parameter(description.name, kind, [])])
    node.add_pre_set_parameters_callback(
        lambda parameters: [_widened(parameter, kinds.get(parameter.name)) for parameter in parameters]
    )


def values(node: Node, model: type[ComponentParameters]) -> dict[str, Any]:
    """Return the values of the component's parameters; those that have none are left out."""
    declared = node.get_parameters_by_prefix("")
    return {name: declared[name].value for name in model.model_fields if declared[name].value is not None}


def _as(kind: Parameter.Type, value: Any) -> Any:
    if kind is Parameter.Type.DOUBLE:
        return float(value)
    if kind is Parameter.Type.DOUBLE_ARRAY:
        return [float(element) for element in value]
    return list(value) if isinstance(value, tuple) else value


def _widened(parameter: Parameter, declared: Parameter.Type | None) -> Parameter:
    """Let a YAML integer be a fine double, and ``[]``, in which ROS sees no type, a list of any kind."""
    whole = {Parameter.Type.DOUBLE: Parameter.Type.INTEGER, Parameter.Type.DOUBLE_ARRAY: Parameter.Type.INTEGER_ARRAY}
    if declared in whole and parameter.type_ is whole[declared]:
        return Parameter(parameter.name, declared, _as(declared, parameter.value))
    # At start it comes as a parameter that is not set, later as a list of another kind.
    if declared in _ARRAYS and (parameter.value is None or (not parameter.value and parameter.type_ in _ARRAYS)):
        return Parameter(parameter.name, declared, [])
    return parameter


def _descriptor(description: ParameterDescription) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=description.description)
    if description.choices:
        descriptor.additional_constraints = f"one of {', '.join(description.choices)}"
    low, high = description.minimum, description.maximum
    if low is None and high is None:
        return descriptor
    if description.type == "integer":
        bounds = IntegerRange(
            from_value=-_INT64 if low is None else math.ceil(low), to_value=_INT64 if high is None else math.floor(high)
        )
        descriptor.integer_range = [bounds]
    elif description.type == "double":
        limits = FloatingPointRange(
            from_value=-math.inf if low is None else float(low), to_value=math.inf if high is None else float(high)
        )
        descriptor.floating_point_range = [limits]
    return descriptor
