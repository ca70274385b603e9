"""How the names and types of ROS 2 look on the DDS wire (rmw_cyclonedds, rmw_dds_common).

Messages are never walked field by field: DDS carries the CDR bytes as they are, so it needs of each type only the
name. `carrier` makes such a type.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from cyclonedds.idl import make_idl_struct

from convoy.errors import ConvoyError

_TYPE = re.compile(r"(\w+)::(msg|srv|action)::dds_::(\w+)_")
_TYPE_HASH = re.compile(rb"(?:^|;)typehash=([^;]*);")


class DdsError(ConvoyError):
    """DDS refuses an operation, or its environment is set wrongly."""


def dds_topic(topic: str) -> str:
    """Return the DDS name of an absolute ROS topic: ``/camera/image_raw`` is ``rt/camera/image_raw``."""
    return "rt" + topic


def ros_topic(name: str) -> str | None:
    """Return the ROS topic of a DDS topic, None where it is none (a service, or no ROS at all)."""
    return name[2:] if name.startswith("rt/") else None


def dds_type(type_name: str) -> str:
    """Return the DDS name of a ROS type: ``std_msgs/msg/String`` is ``std_msgs::msg::dds_::String_``.

    A name of another form is none of ROS, and stays as it is.
    """
    parts = type_name.split("/")
    return f"{parts[0]}::{parts[1]}::dds_::{parts[2]}_" if len(parts) == 3 else type_name


def ros_type(name: str) -> str:
    """Return the ROS name of a DDS type; one that does not come from ROS keeps its name."""
    match = _TYPE.fullmatch(name)
    return "/".join(match.groups()) if match else name


@cache
def carrier(type_name: str) -> Any:
    """Make the DDS type that carries messages of a ROS type as plain bytes.

    It is an empty structure with the right name. Its one member, empty as well, is named after the ROS type: DDS
    would take two empty types for the same one, and match a writer and a reader of different messages.
    """
    empty = make_idl_struct("Empty", "convoy.Empty", {})
    return make_idl_struct("Carrier", dds_type(type_name).replace("::", "."), {re.sub(r"\W", "_", type_name): empty})


def user_data(type_hash: str) -> bytes:
    """Return the USER_DATA that announces a type's hash (``RIHS01_...``, REP-2016), if it is known."""
    return f"typehash={type_hash};".encode() if type_hash else b""


def type_hash_of(user_data: bytes) -> str:
    """Return the type hash from an endpoint's USER_DATA; empty where there is none."""
    match = _TYPE_HASH.search(user_data)
    return match[1].decode("ascii", "replace") if match else ""
