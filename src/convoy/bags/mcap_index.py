"""What an mcap file holds and where: from its summary, or from a pass over all of it."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field

from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, Footer, Schema, Statistics

from convoy.bags.errors import Damage, DamagedError
from convoy.bags.mcap_records import (
    MAGIC,
    MESSAGE_HEAD,
    RECORD_HEAD,
    Span,
    open_chunk,
    parse_messages,
    parse_record,
)
from convoy.bags.source import Source

_FOOTER_SIZE = RECORD_HEAD.size + 20
_TAIL_SIZE = _FOOTER_SIZE + len(MAGIC)
_RUN_SIZE = 1 << 20
"""Messages outside of chunks are read in runs of about this many bytes."""
_OPCODES = frozenset(int(opcode) for opcode in Opcode)
_FIRST_PRIVATE_OPCODE = 0x80


@dataclass
class McapIndex:
    """The channels of an mcap file, and its spans in the order of the file."""

    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    """Topic of each channel."""
    counts: Counter[int] = field(default_factory=Counter)
    """Messages of each channel."""
    spans: list[Span] = field(default_factory=list)
    start_ns: int = 0
    """Log time of the first message."""
    end_ns: int = 0
    """Log time of the last message."""
    damage: Damage | None = None

    def register(self, opcode: int, content: bytes | memoryview) -> None:
        """Take in a schema or channel record.

        Raises:
            DamagedError: the record is broken.
        """
        if opcode == Opcode.SCHEMA:
            schema = parse_record(Schema, content)
            self.schemas[schema.id] = schema
        else:
            channel = parse_record(Channel, content)
            self.channels[channel.id] = channel
            self.names[channel.id] = channel.topic


def read_index(source: Source) -> McapIndex:
    """Read the summary; where there is none, or none that is sound, scan the file."""
    try:
        return _read_summary(source) or scan(source)
    except DamagedError as error:
        index = scan(source)
        index.damage = index.damage or Damage(str(error), 0, {})
        return index


def _read_summary(source: Source) -> McapIndex | None:
    """Return nothing where the file has no summary, or one without an index of its chunks."""
    footer = _read_footer(source)
    if footer is None or footer.summary_start == 0:
        return None
    tail_at = source.size - _TAIL_SIZE
    if not len(MAGIC) <= footer.summary_start <= tail_at:
        raise DamagedError("has a broken footer")
    summary = source.read(footer.summary_start, source.size - 4 - len(MAGIC) - footer.summary_start)
    if footer.summary_crc and zlib.crc32(summary) != footer.summary_crc:
        raise DamagedError("has an index that fails its checksum")

    index, statistics = McapIndex(), None
    position, end = 0, tail_at - footer.summary_start
    while position < end:
        begin = position + RECORD_HEAD.size
        opcode, length = RECORD_HEAD.unpack_from(summary, position) if begin <= end else (0, 0)
        position = begin + length
        if not opcode or position > end:
            raise DamagedError("has a broken index")
        content = summary[begin:position]
        if opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            index.register(opcode, content)
        elif opcode == Opcode.STATISTICS:
            statistics = parse_record(Statistics, content)
        elif opcode == Opcode.CHUNK_INDEX:
            index.spans.append(_span_of(parse_record(ChunkIndex, content), footer.summary_start))
    if statistics is None or statistics.chunk_count != len(index.spans):
        return None
    if (statistics.message_count and not index.spans) or statistics.channel_count > len(index.channels):
        return None
    index.counts.update(statistics.channel_message_counts)
    if not index.channels.keys() >= index.counts.keys() or index.counts.total() != statistics.message_count:
        raise DamagedError("has an index that contradicts itself")
    index.spans.sort(key=lambda span: span.offset)
    index.start_ns, index.end_ns = statistics.message_start_time, statistics.message_end_time
    return index


def _read_footer(source: Source) -> Footer | None:
    tail = source.read(max(0, source.size - _TAIL_SIZE), _TAIL_SIZE)
    if len(tail) < _TAIL_SIZE or tail[-len(MAGIC) :] != MAGIC:
        return None
    opcode, length = RECORD_HEAD.unpack_from(tail)
    if opcode != Opcode.FOOTER or length != _FOOTER_SIZE - RECORD_HEAD.size:
        return None
    footer: Footer = parse_record(Footer, tail[RECORD_HEAD.size : _FOOTER_SIZE])
    return footer


def _span_of(chunk: ChunkIndex, summary_start: int) -> Span:
    if chunk.chunk_start_offset + chunk.chunk_length > summary_start:
        raise DamagedError("has a broken index")
    return Span(
        chunk.message_start_time,
        chunk.message_end_time,
        chunk.chunk_start_offset,
        chunk.chunk_length,
        is_chunk=True,
        channels=frozenset(chunk.message_index_offsets),
    )


def scan(source: Source, found: DamagedError | None = None) -> McapIndex:
    """Find all that is sound in the file, from its start to the first damage, or to the one that was `found`."""
    index = _Scan(source).run(found)
    index.start_ns = min((span.start_ns for span in index.spans), default=0)
    index.end_ns = max((span.end_ns for span in index.spans), default=0)
    return index


class _Scan:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._index = McapIndex()
        self._run: list[tuple[int, int, int]] = []
        """Log time, channel and offset of the messages since the last chunk or full run."""
        self._unread: int | None = 0
        """Bytes of a message that is cut off within a chunk; None if they are compressed."""
        self._before = 0
        """Opcode of the record before."""

    def run(self, found: DamagedError | None) -> McapIndex:
        index, source = self._index, self._source
        position = len(MAGIC)
        while True:
            try:
                opcode, following = self._take(position)
                if found and found.offset is not None and following > found.offset:
                    raise found
                is_whole = opcode in (Opcode.DATA_END, Opcode.FOOTER)
                has_index = is_whole and _read_footer(source) is not None
            except DamagedError as error:
                position = self._end_run(position, distrust_last=True)
                index.damage = Damage(f"{error} at byte {position}", source.size - position, None)
                return index
            if is_whole:
                self._end_run(position)
                if found or not has_index:
                    index.damage = Damage(str(found or "has lost the index at its end"), 0, {})
                return index
            if following > source.size or opcode == 0:
                self._end_run(position)
                unread = self._unread if opcode == Opcode.CHUNK else source.size - position
                index.damage = Damage(f"ends early, after {source.size} bytes", unread, None)
                return index
            position, self._before = following, opcode

    def _take(self, position: int) -> tuple[int, int]:
        """Return the opcode of the record at `position`, 0 at the end of the file, and where the next one is."""
        source, index = self._source, self._index
        head = source.read(position, MESSAGE_HEAD.size)
        if len(head) < RECORD_HEAD.size:
            return 0, position
        opcode, length = RECORD_HEAD.unpack_from(head)
        content = position + RECORD_HEAD.size
        following = content + length
        if opcode == Opcode.MESSAGE and len(head) == MESSAGE_HEAD.size:
            _, _, channel, _, log_time_ns, _ = MESSAGE_HEAD.unpack(head)
            if channel not in index.names or following < position + MESSAGE_HEAD.size:
                raise DamagedError("has a broken message")
            if self._run and position - self._run[0][2] >= _RUN_SIZE:
                self._end_run(position)
            if following <= source.size:
                self._run.append((log_time_ns, channel, position))
        elif opcode == Opcode.CHUNK:
            self._end_run(position)
            self._take_chunk(position, min(following, source.size) - position)
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL) and following <= source.size:
            index.register(opcode, source.read(content, length))
        elif not self._is_plausible(opcode, length, head, following):
            raise DamagedError("has a broken record")
        elif opcode not in (Opcode.SCHEMA, Opcode.CHANNEL):
            self._end_run(position)
        return opcode, following

    def _is_plausible(self, opcode: int, length: int, head: bytes, following: int) -> bool:
        """Tell apart records without messages, of which nothing is needed, from bytes that are none."""
        if opcode == Opcode.DATA_END:
            return length == 4
        if opcode == Opcode.MESSAGE_INDEX:
            follows_chunk = self._before in (Opcode.CHUNK, Opcode.MESSAGE_INDEX)
            return follows_chunk and length == 6 + int.from_bytes(head[RECORD_HEAD.size + 2 :][:4], "little")
        return opcode in _OPCODES or (opcode >= _FIRST_PRIVATE_OPCODE and following <= self._source.size)

    def _take_chunk(self, position: int, length: int) -> None:
        index = self._index
        chunk = open_chunk(self._source.read(position, length))
        entries, sound, broken = parse_messages(chunk.plain, chunk.limits_ns, index.names, register=index.register)
        if entries:
            times_ns, channels = [entry.log_time_ns for entry in entries], [entry.channel for entry in entries]
            index.counts.update(channels)
            readable = sound if chunk.is_cut or broken else None
            index.spans.append(
                Span(min(times_ns), max(times_ns), position, length, True, frozenset(channels), readable)
            )
        if chunk.is_cut:
            self._unread = None if chunk.is_packed else len(chunk.plain) - sound
        elif chunk.problem or broken:
            raise DamagedError(chunk.problem or broken)

    def _end_run(self, end: int, distrust_last: bool = False) -> int:
        """Make a span of the messages up to `end`, and return where the sound ones end.

        Behind a message with a wrong length comes what is no record: then the message is not to be trusted.
        """
        if distrust_last and self._run:
            end = self._run.pop()[2]
        if self._run:
            times_ns, channels, offsets = zip(*self._run, strict=True)
            self._index.counts.update(channels)
            self._index.spans.append(
                Span(min(times_ns), max(times_ns), offsets[0], end - offsets[0], False, frozenset(channels))
            )
            self._run.clear()
        return end
