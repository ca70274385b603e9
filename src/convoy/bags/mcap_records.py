"""The records of an mcap file (mcap.dev/spec), each length bounded by what is there before it is used."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Container, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode

from convoy.bags.compression import decompress, salvage
from convoy.bags.errors import DamagedError
from convoy.bags.source import Source

MAGIC = b"\x89MCAP0\r\n"
RECORD_HEAD = struct.Struct("<BQ")
"""Opcode and length, before every record."""
MESSAGE_HEAD = struct.Struct("<BQHIQQ")
"""Opcode, length, channel, sequence, log time, publish time: what comes before a message's data."""
CHUNK_HEAD = struct.Struct("<BQQQQII")
"""Opcode, length, start, end, size and CRC of the plain records, length of the compression's name."""

_MESSAGE_FIELDS = struct.Struct("<HIQQ")
_MESSAGE, _SCHEMA, _CHANNEL = int(Opcode.MESSAGE), int(Opcode.SCHEMA), int(Opcode.CHANNEL)
_ENDS_EARLY = "ends within a message"
_LONGEST_COMPRESSION_NAME = 16

Register = Callable[[int, bytes | memoryview], None]
"""Takes the opcode and the content of a schema or channel record."""


class Entry(NamedTuple):
    """Where a message lies among the records of a span; sorts as messages are to be read."""

    log_time_ns: int
    topic: str
    sequence: int
    begin: int
    end: int
    channel: int
    publish_time_ns: int


class Span(NamedTuple):
    """A stretch of the file that holds messages: a chunk, or a run of records outside of chunks."""

    start_ns: int
    end_ns: int
    offset: int
    length: int
    is_chunk: bool
    channels: frozenset[int]
    """Those with a message in it; empty where that is not known."""
    readable: int | None = None
    """If damaged, how many bytes of its plain records are sound."""


def parse_record(kind: Any, content: bytes | memoryview) -> Any:
    """Read a record of one of the classes of `mcap.records`.

    Raises:
        DamagedError: the content is not such a record.
    """
    stream = ReadDataStream(BytesIO(content))
    try:
        record = kind.read(stream)
    except (McapError, struct.error, ValueError) as error:
        raise DamagedError(f"has a broken {kind.__name__} record ({error})") from None
    # Reading stops silently at the end of the content; fields added by later versions may follow it.
    if stream.count > len(content):
        raise DamagedError(f"has a broken {kind.__name__} record")
    return record


class Chunk(NamedTuple):
    """What could be read of a chunk."""

    limits_ns: tuple[int, int] = (0, 0)
    """First and last log time."""
    plain: bytes | memoryview = b""
    """Its records, decompressed."""
    is_packed: bool = False
    is_cut: bool = False
    """The file ends within it: the records before that, and a part of one, are there."""
    problem: str = ""
    """What is otherwise wrong; then there are no records, as nothing tells which bytes are true."""


def open_chunk(raw: bytes) -> Chunk:
    """Read the chunk record that begins with `raw`, and may be cut off there."""
    if len(raw) < CHUNK_HEAD.size:
        return Chunk(is_cut=True)
    opcode, length, start_ns, end_ns, size, crc, name_length = CHUNK_HEAD.unpack_from(raw)
    packed_at = CHUNK_HEAD.size + name_length + 8
    if opcode != Opcode.CHUNK or name_length > _LONGEST_COMPRESSION_NAME:
        return Chunk(problem="has no sound chunk")
    if len(raw) < packed_at:
        return Chunk(is_cut=True)
    compression = raw[CHUNK_HEAD.size : packed_at - 8].decode("ascii", "replace")
    packed_size = int.from_bytes(raw[packed_at - 8 : packed_at], "little")
    if RECORD_HEAD.size + length != packed_at + packed_size:
        return Chunk(problem="has a chunk whose lengths contradict each other")
    packed = memoryview(raw)[packed_at : packed_at + packed_size]
    is_cut = len(packed) < packed_size
    try:
        plain = salvage(packed, compression, size)[0] if is_cut else decompress(packed, compression, size)
    except DamagedError as error:
        return Chunk(problem=f"has a chunk that {error}")
    if crc and not is_cut and zlib.crc32(plain) != crc:
        return Chunk(problem="has a chunk that fails its checksum")
    return Chunk((start_ns, end_ns), plain, bool(compression), is_cut)


def parse_messages(
    plain: bytes | memoryview,
    limits_ns: tuple[int, int],
    topics: Mapping[int, str],
    wanted: Container[int] | None = None,
    register: Register | None = None,
) -> tuple[list[Entry], int, str]:
    """Find the messages among plain records.

    Args:
        plain: records of messages, schemas and channels.
        limits_ns: the span's first and last log time; a message outside of them is not sound.
        topics: topic of each known channel.
        wanted: channels whose messages are returned; None for all.
        register: is given the schemas and channels.

    Returns:
        the messages, how many bytes are sound, and what is wrong behind them, if anything.
    """
    entries: list[Entry] = []
    size = len(plain)
    start_ns, end_ns = limits_ns
    previous = position = 0
    while position < size:
        if size - position < RECORD_HEAD.size:
            return entries, position, _ENDS_EARLY
        opcode, length = RECORD_HEAD.unpack_from(plain, position)
        following = position + RECORD_HEAD.size + length
        sound = False
        if opcode == _MESSAGE:
            begin = position + MESSAGE_HEAD.size
            if begin > size:
                return entries, position, _ENDS_EARLY
            channel, sequence, log_time_ns, publish_time_ns = _MESSAGE_FIELDS.unpack_from(
                plain, begin - _MESSAGE_FIELDS.size
            )
            topic = topics.get(channel)
            if topic is not None and following >= begin and start_ns <= log_time_ns <= end_ns:
                sound = True
                if following <= size and (wanted is None or channel in wanted):
                    entries.append(Entry(log_time_ns, topic, sequence, begin, following, channel, publish_time_ns))
        elif opcode in (_SCHEMA, _CHANNEL):
            sound = True
            if following <= size and register:
                try:
                    register(opcode, plain[position + RECORD_HEAD.size : following])
                except DamagedError:
                    sound = False
        if not sound:
            # It may be the length before that is wrong, so the record before is not to be trusted either.
            while entries and entries[-1].begin > previous:
                entries.pop()
            return entries, previous, "has a broken message"
        if following > size:
            return entries, position, _ENDS_EARLY
        previous, position = position, following
    return entries, size, ""


def read_span(
    source: Source, span: Span, topics: Mapping[int, str], wanted: Container[int]
) -> tuple[list[Entry], memoryview]:
    """Read the wanted messages of a span, unsorted, and the bytes that they point into.

    Raises:
        DamagedError: there is damage that was not known before.
    """
    raw = source.read(span.offset, span.length)
    chunk = open_chunk(raw) if span.is_chunk else Chunk(plain=raw, is_cut=len(raw) < span.length)
    plain, problem = chunk.plain, chunk.problem
    if span.readable is not None:
        plain = plain[: span.readable]
    elif chunk.is_cut:
        problem = "ends early"
    if not problem:
        entries, _, problem = parse_messages(plain, (span.start_ns, span.end_ns), topics, wanted)
    if problem:
        raise DamagedError(problem, span.offset)
    return entries, memoryview(plain)
