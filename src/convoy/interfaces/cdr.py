"""Messages to CDR bytes and back: the one codec that every host and every bag shares.

The bytes are plain XCDR1 with its 4-byte encapsulation header, as ROS 2 puts them on the wire and
into bags. Arrays of a decoded message are views into the bytes: nothing is copied.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Final

import numpy as np
from rosbags.serde import SerdeError

from convoy.interfaces.messages import (
    NANOSECONDS,
    Image,
    InterfaceError,
    Message,
    make,
    message_class,
    store,
    type_name,
)

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
    name = type_name(message)
    try:
        if type(message) is Image:
            return _serialize_image(message)
        return store.serialize_cdr(message, name, little_endian=True)
    except (SerdeError, AssertionError, AttributeError, struct.error, TypeError, ValueError, OverflowError) as error:
        raise InterfaceError(f"This {name} cannot be written: {error}") from None


def _serialize_image(message: Any) -> memoryview:
    # The general encoder zeroes its buffer first, a second pass over megabytes; this one does not.
    stamp, frame_id, encoding = message.header.stamp, message.header.frame_id.encode(), message.encoding.encode()
    pixels = np.asarray(message.data)
    if pixels.dtype != np.uint8 or pixels.ndim != 1:
        raise TypeError(f"data is {pixels.ndim}-dimensional {pixels.dtype}, not a row of uint8")
    fields = (message.height, message.width, len(encoding) + 1, encoding, message.is_bigendian, message.step)
    head = _image_head(len(frame_id), len(encoding))
    buffer = np.empty(head.size + pixels.size, np.uint8)
    head.pack_into(
        buffer.data, 0, _LITTLE_ENDIAN, stamp.sec, stamp.nanosec, len(frame_id) + 1, frame_id, *fields, pixels.size
    )
    buffer[head.size :] = pixels
    return buffer.data.toreadonly()


@lru_cache(maxsize=64)
def _image_head(frame_id: int, encoding: int) -> struct.Struct:
    """Lay out all that precedes the pixels, for strings of these lengths: each ends in a NUL, numbers are aligned."""
    return struct.Struct(f"<4siII{frame_id}sx{-(frame_id + 1) % 4}xIII{encoding}sxB{-(encoding + 2) % 4}xII")


@lru_cache
def prepare(type_: str) -> None:
    """Make the codec of a message type, which takes milliseconds, before its first message comes."""
    deserialize(serialize(make(message_class(type_))), type_)


def is_known(type_: str) -> bool:
    """Tell whether convoy knows a message type."""
    return type_ in store.types


@lru_cache
def has_header(type_: str) -> bool:
    """Tell whether messages of this type are known to begin with a ``std_msgs/Header``."""
    fields = store.fielddefs[type_][1] if is_known(type_) else []
    return bool(fields) and fields[0][1][1] == "std_msgs/msg/Header"


def header_stamp(data: Bytes, type_: str) -> int | None:
    """Read the stamp of a message in nanoseconds without decoding the rest; None where the type has no header.

    Raises:
        InterfaceError: the bytes are too short to hold one.
    """
    if not has_header(type_):
        return None
    if len(data) < 12:
        raise InterfaceError(f"{len(data)} bytes are not a {type_}: too short for a header.")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] else ">iI", data, 4)
    return int(seconds * NANOSECONDS + nanoseconds)
