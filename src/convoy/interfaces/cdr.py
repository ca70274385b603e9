"""Messages to CDR bytes and back: the one codec that every host and every bag shares.

The bytes are plain XCDR1 with its 4-byte encapsulation header, as ROS 2 puts them on the wire and
into bags. Arrays of a decoded message are views into the bytes: nothing is copied.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
from rosbags.serde import SerdeError

from convoy.interfaces.messages import Image, InterfaceError, Message, message_class, store, type_name

Bytes = bytes | bytearray | memoryview

_LITTLE_ENDIAN: Final = b"\x00\x01\x00\x00"


def deserialize(data: Bytes, type_: str) -> Any:
    """Read a message of type ``pkg/msg/Name`` from CDR bytes; its arrays are views into `data`.

    Every length in the bytes is checked against what is there before memory is taken.

    Raises:
        InterfaceError: the type is not known, or the bytes are not a whole message of it.
    """
    message_class(type_)
    try:
        return store.deserialize_cdr(memoryview(data), type_)
    except (SerdeError, AssertionError, IndexError, OverflowError) as error:
        raise InterfaceError(f"{len(data)} bytes are not a {type_}: {error}") from None


def serialize(message: Message) -> memoryview:
    """Write a message as little-endian CDR bytes into a fresh buffer.

    Raises:
        InterfaceError: a field holds what its type cannot.
    """
    if type(message) is Image:
        return _serialize_image(message)
    name = type_name(message)
    try:
        return store.serialize_cdr(message, name, little_endian=True)
    except (SerdeError, AttributeError, struct.error, TypeError, ValueError, OverflowError) as error:
        raise InterfaceError(f"This {name} cannot be written: {error}") from None


def _serialize_image(message: Image) -> memoryview:
    # The general encoder zeroes its buffer first, a second pass over megabytes; this one does not.
    stamp, frame_id, encoding = message.header.stamp, message.header.frame_id.encode(), message.encoding.encode()
    pixels = np.asarray(message.data, np.uint8).reshape(-1)
    try:
        head = _LITTLE_ENDIAN + struct.pack("<iII", stamp.sec, stamp.nanosec, len(frame_id) + 1) + frame_id + b"\0"
        head += b"\0" * (-len(head) % 4)
        head += struct.pack("<III", message.height, message.width, len(encoding) + 1) + encoding + b"\0"
        head += struct.pack("<B", message.is_bigendian)
        head += b"\0" * (-len(head) % 4)
        head += struct.pack("<II", message.step, len(pixels))
    except struct.error as error:
        raise InterfaceError(f"This sensor_msgs/msg/Image cannot be written: {error}") from None
    buffer = np.empty(len(head) + len(pixels), np.uint8)
    buffer[: len(head)] = np.frombuffer(head, np.uint8)
    buffer[len(head) :] = pixels
    return memoryview(buffer).toreadonly()
