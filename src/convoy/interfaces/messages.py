"""ROS 2 message classes (Jazzy), and the few helpers that every user of them needs.

The classes are those of rosbags' Jazzy type store, plus the packages that it lacks, whose
definitions lie in ``definitions/<package>/msg``. Every class is a dataclass with one field per
message field; numeric arrays are NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.stores import ros2_jazzy as jazzy

from convoy.errors import ConvoyError

NANOSECONDS = 1_000_000_000


class InterfaceError(ConvoyError):
    """A message, its bytes or its type is not what its definition says."""


class Message(Protocol):
    """Any ROS 2 message: a dataclass that knows its type name, ``pkg/msg/Name``."""

    __msgtype__: ClassVar[str]


store = get_typestore(Stores.ROS2_JAZZY)
"""The types that convoy knows. A reader that meets further ones takes a store of its own."""

_definitions = Path(__file__).parent / "definitions"
for _file in sorted(_definitions.glob("*/msg/*.msg")):
    _name = f"{_file.parent.parent.name}/msg/{_file.stem}"
    if _name not in store.types:
        store.register(get_types_from_msg(_file.read_text(), _name))


def message_class(type_name: str) -> type[Any]:
    """Return the class of a message type, such as ``std_msgs/msg/String``.

    Raises:
        InterfaceError: the type is not known.
    """
    try:
        return cast(type[Any], store.types[type_name])
    except KeyError:
        raise InterfaceError(f"Message type {type_name!r} is not known to convoy.") from None


Time = jazzy.builtin_interfaces__msg__Time
DiagnosticArray = jazzy.diagnostic_msgs__msg__DiagnosticArray
DiagnosticStatus = jazzy.diagnostic_msgs__msg__DiagnosticStatus
KeyValue = jazzy.diagnostic_msgs__msg__KeyValue
Clock = jazzy.rosgraph_msgs__msg__Clock
Duration = jazzy.builtin_interfaces__msg__Duration
CameraInfo = jazzy.sensor_msgs__msg__CameraInfo
CompressedImage = jazzy.sensor_msgs__msg__CompressedImage
Image = jazzy.sensor_msgs__msg__Image
Range = jazzy.sensor_msgs__msg__Range
Point32 = jazzy.geometry_msgs__msg__Point32
Bool = jazzy.std_msgs__msg__Bool
Empty = jazzy.std_msgs__msg__Empty
Header = jazzy.std_msgs__msg__Header
String = jazzy.std_msgs__msg__String
AckermannDrive = message_class("ackermann_msgs/msg/AckermannDrive")
AckermannDriveStamped = message_class("ackermann_msgs/msg/AckermannDriveStamped")
BodySkeleton = message_class("convoy_msgs/msg/BodySkeleton")
Gesture = message_class("convoy_msgs/msg/Gesture")
HandSkeleton = message_class("convoy_msgs/msg/HandSkeleton")

__all__ = [
    "NANOSECONDS",
    "AckermannDrive",
    "AckermannDriveStamped",
    "BodySkeleton",
    "Bool",
    "CameraInfo",
    "Clock",
    "CompressedImage",
    "DiagnosticArray",
    "DiagnosticStatus",
    "Duration",
    "Empty",
    "Gesture",
    "HandSkeleton",
    "Header",
    "Image",
    "InterfaceError",
    "KeyValue",
    "Message",
    "Point32",
    "Range",
    "String",
    "Time",
    "make",
    "message_class",
    "nanoseconds",
    "store",
    "time",
    "type_hash",
    "type_name",
]


def type_name(message: Message | type[Any]) -> str:
    """Return ``pkg/msg/Name`` of a message or a message class."""
    return message.__msgtype__


@cache
def type_hash(name: str) -> str:
    """Return the type's hash as ROS 2 prints it, ``RIHS01_...`` (REP-2016)."""
    message_class(name)
    return store.hash_rihs01(name)


def time(nanoseconds_: int) -> Time:
    """Make a ``builtin_interfaces/Time`` of nanoseconds since the epoch."""
    return Time(sec=nanoseconds_ // NANOSECONDS, nanosec=nanoseconds_ % NANOSECONDS)


def nanoseconds(stamp: Time) -> int:
    """Return a ``builtin_interfaces/Time`` (or ``Duration``) in nanoseconds."""
    return stamp.sec * NANOSECONDS + stamp.nanosec


def make(cls: type[Any], **fields: Any) -> Any:
    """Make a message with the given fields, and all others as ROS 2 makes them: zero or empty, a quaternion's w 1.

    Raises:
        InterfaceError: the message has no field of a given name.
    """
    zero = _zero_makers(type_name(cls))
    unknown = fields.keys() - zero.keys()
    if unknown:
        raise InterfaceError(
            f"{type_name(cls)} has no field {sorted(unknown)[0]!r}; it has {', '.join(zero) or 'none'}."
        )
    return cls(**{name: fields[name] if name in fields else maker() for name, maker in zero.items()})


@cache
def _zero_makers(name: str) -> Mapping[str, Any]:
    makers = {field: _zero_maker(description) for field, description in store.fielddefs[name][1]}
    if name == "geometry_msgs/msg/Quaternion":
        makers["w"] = lambda: 1.0  # the one default value in the common interfaces, which rosbags drops
    return makers


def _zero_maker(description: Any) -> Any:
    kind, detail = description
    if kind == Nodetype.NAME:
        nested = message_class(detail)
        return lambda: make(nested)
    if kind == Nodetype.BASE:
        base = detail[0]
        return {"string": str, "bool": bool, "float32": float, "float64": float}.get(base, int)
    element, length = detail
    if kind == Nodetype.ARRAY:
        if element[0] == Nodetype.BASE and element[1][0] != "string":
            return lambda: np.zeros(length, _dtype(element[1][0]))
        maker = _zero_maker(element)
        return lambda: [maker() for _ in range(length)]
    if element[0] == Nodetype.BASE and element[1][0] != "string":
        return lambda: np.zeros(0, _dtype(element[1][0]))
    return list


def _dtype(base: str) -> np.dtype[Any]:
    return np.dtype({"octet": "uint8", "byte": "uint8", "char": "uint8"}.get(base, base))
