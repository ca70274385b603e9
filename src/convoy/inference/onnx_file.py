"""The outside of an ONNX file: versions and metadata, read without loading the net.

The runtime answers "Protobuf parsing failed" to a truncated file and to a text file alike, and only after it
has taken the whole of it into memory. Reading the outermost message by itself says which of both it is, and
shows the card of a model of any size at once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convoy.inference.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Fields of ModelProto (onnx.proto): number -> wire type.
_IR_VERSION, _GRAPH, _OPSET_IMPORT, _METADATA = 1, 7, 8, 14
_WIRE_TYPES = {_IR_VERSION: _VARINT, 2: _BYTES, 3: _BYTES, 4: _BYTES, 5: _VARINT, 6: _BYTES, _GRAPH: _BYTES}
_WIRE_TYPES |= {_OPSET_IMPORT: _BYTES, _METADATA: _BYTES, 20: _BYTES, 25: _BYTES, 26: _BYTES}
_LONGEST_METADATA = 1 << 20


@dataclass
class OnnxFile:
    """What stands around the graph: format version, operator sets by domain, and metadata."""

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


class _TruncatedError(Exception):
    pass


class _ForeignError(Exception):
    pass


def read_onnx(path: Path) -> OnnxFile:
    """Read the versions and the metadata of an ONNX file.

    Raises:
        ModelError: the file is missing, empty, truncated, or in another format.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if not size:
                raise ModelError(f"{path} is empty; wanted an ONNX model.")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _read_model(content, path)
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist; wanted an ONNX model.") from None
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}); wanted an ONNX model.") from None


def _read_model(content: mmap.mmap, path: Path) -> OnnxFile:
    model, has_graph = OnnxFile(), False
    try:
        for number, value in _fields(content, 0, len(content), _WIRE_TYPES):
            if number == _IR_VERSION and isinstance(value, int):
                model.ir_version = value
            elif isinstance(value, range):
                has_graph |= number == _GRAPH
                if number in (_OPSET_IMPORT, _METADATA):
                    _read_pair(content, value, model, number)
    except _TruncatedError as error:
        raise ModelError(
            f"{path} is truncated: {error}, but the file has {len(content)} bytes; copy or download it again."
        ) from None
    except (_ForeignError, UnicodeDecodeError):
        raise ModelError(f"{path} is not an ONNX file ({len(content)} bytes of another format).") from None
    if not has_graph:
        raise ModelError(f"{path} holds no graph ({len(content)} bytes): it is truncated, or not an ONNX model.")
    return model


def _read_pair(content: mmap.mmap, span: range, model: OnnxFile, number: int) -> None:
    if len(span) > _LONGEST_METADATA:
        raise _ForeignError
    pair = dict(_fields(content, span.start, span.stop))
    key, value = pair.get(1, range(0)), pair.get(2, 0 if number == _OPSET_IMPORT else range(0))
    if not isinstance(key, range):
        raise _ForeignError
    name = content[key.start : key.stop].decode()
    if number == _OPSET_IMPORT and isinstance(value, int):
        model.opsets[name] = value
    elif number == _METADATA and isinstance(value, range):
        model.metadata[name] = content[value.start : value.stop].decode()
    else:
        raise _ForeignError


def _fields(
    content: mmap.mmap, start: int, stop: int, known: dict[int, int] | None = None
) -> Iterator[tuple[int, int | range]]:
    """Walk the fields of one protobuf message: numbers as they are, everything else as a range of bytes."""
    at = start
    while at < stop:
        tag, at = _varint(content, at, stop)
        number, wire = tag >> 3, tag & 7
        if known is not None and known.get(number) != wire:
            raise _ForeignError
        if wire == _VARINT:
            value, at = _varint(content, at, stop)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(content, at, stop)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise _ForeignError
        if at + length > stop:
            raise _TruncatedError(f"a part of {length} bytes starts at byte {at}")
        yield number, range(at, at + length)
        at += length


def _varint(content: mmap.mmap, at: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= stop:
            raise _TruncatedError(f"a number at byte {at} has no end")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _ForeignError
