"""Components, their ports, parameters and life cycle, and what a host is to them."""

from convoy.graph.check import check_component
from convoy.graph.component import Component, ComponentError, State
from convoy.graph.health import Level
from convoy.graph.host import Host
from convoy.graph.names import NamingError, NodeName
from convoy.graph.parameters import ComponentParameters, ParameterError
from convoy.graph.ports import (
    DEFAULT,
    LATCHED,
    SENSOR_DATA,
    ImageHeaderInput,
    ImageInput,
    Input,
    Output,
    QoS,
    Subscription,
    Timer,
)

__all__ = [
    "DEFAULT",
    "LATCHED",
    "SENSOR_DATA",
    "Component",
    "ComponentError",
    "ComponentParameters",
    "Host",
    "ImageHeaderInput",
    "ImageInput",
    "Input",
    "Level",
    "NamingError",
    "NodeName",
    "Output",
    "ParameterError",
    "QoS",
    "State",
    "Subscription",
    "Timer",
    "check_component",
]
