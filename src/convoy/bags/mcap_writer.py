"""Writing an mcap file (mcap.dev/spec) that is whole after every message."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from convoy import __version__
from convoy.bags.mcap_records import CHUNK_HEAD, MAGIC, MESSAGE_HEAD, RECORD_HEAD

CHUNK_BYTES = 1 << 20
CHUNK_NS = 1_000_000_000
"""A chunk is closed when it holds that much, or that long a stretch of log time."""

_OPEN_CHUNK_BYTES = 1 << 30
"""What a chunk claims to hold until it is closed, so that every reader sees that the file ends within it."""
_END_OF_TIME_NS = 2**64 - 1


@dataclass
class _OpenChunk:
    offset: int
    """Where its record begins in the file."""
    size: int = 0
    crc: int = 0
    start_ns: int = _END_OF_TIME_NS
    end_ns: int = 0
    index: dict[int, list[int]] = field(default_factory=dict)
    """By channel, log time and offset within the chunk of each message, one after the other."""

    def head(self) -> bytes:
        limits_ns = (self.start_ns, self.end_ns) if self.index else (0, 0)
        return self._pack(*limits_ns, self.size, self.crc)

    @classmethod
    def open_head(cls) -> bytes:
        return cls._pack(0, _END_OF_TIME_NS, _OPEN_CHUNK_BYTES, 0)

    @staticmethod
    def _pack(start_ns: int, end_ns: int, size: int, crc: int) -> bytes:
        # The length covers what follows it: the rest of this head (the compression has no name), and the records.
        length = CHUNK_HEAD.size + 8 - RECORD_HEAD.size + size
        return CHUNK_HEAD.pack(Opcode.CHUNK, length, start_ns, end_ns, size, crc, 0) + struct.pack("<Q", size)


class McapWriter:
    """A new mcap file, with the profile ``ros2``.

    Every record is handed to the system at once, into a chunk whose head is put right when it is
    closed: a process that is killed leaves all its messages behind.

    Raises:
        FileExistsError: there is a file already.
        OSError: here and from all methods, the file cannot be written. What was written before stays
            readable; the writer is closed then.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._end = 0
        """Behind the last whole record."""
        self._chunk: _OpenChunk | None = None
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._chunks: list[ChunkIndex] = []
        self._metadata: list[MetadataIndex] = []
        self.counts: dict[int, int] = {}
        """Messages of each channel."""
        self.start_ns = _END_OF_TIME_NS
        """Log time of the first message."""
        self.end_ns = 0
        """Log time of the last message."""
        self._append(MAGIC, _dump([Header("ros2", f"convoy {__version__}")]))

        self.is_whole = True
        """False during a change, and for good when Ctrl-C has interrupted one."""

    @property
    def is_open(self) -> bool:
        return self._fd >= 0

    def add_schema(self, name: str, encoding: str, data: bytes) -> int:
        """Add a message definition, and return its id."""
        schema = Schema(id=len(self._schemas) + 1, data=data, encoding=encoding, name=name)
        self.is_whole = False
        self._append_to_chunk(_dump([schema]))
        self._schemas.append(schema)
        self.is_whole = True
        return schema.id

    def add_channel(self, topic: str, schema_id: int, metadata: Mapping[str, str]) -> int:
        """Add a channel of CDR messages, and return its id."""
        channel = Channel(len(self._channels) + 1, topic, "cdr", dict(metadata), schema_id)
        self.is_whole = False
        self._append_to_chunk(_dump([channel]))
        self._channels.append(channel)
        self.counts[channel.id] = 0
        self.is_whole = True
        return channel.id

    def add_metadata(self, name: str, values: Mapping[str, str]) -> None:
        """Add named values to the file."""
        self.is_whole = False
        self._close_chunk()
        record = _dump([Metadata(name, dict(values))])
        index = MetadataIndex(self._end, len(record), name)
        self._append(record)
        self._metadata.append(index)
        self.is_whole = True

    def write(self, channel: int, log_time_ns: int, publish_time_ns: int, data: memoryview) -> None:
        """Add a message; the data is one of single bytes. Messages of a channel are numbered from 0.

        Raises:
            struct.error: a time is negative, or beyond 64 bits.
        """
        count = self.counts[channel]
        length = MESSAGE_HEAD.size - RECORD_HEAD.size + len(data)
        head = MESSAGE_HEAD.pack(Opcode.MESSAGE, length, channel, count & 0xFFFFFFFF, log_time_ns, publish_time_ns)
        self.is_whole = False
        offset = self._append_to_chunk(head, data)
        chunk = self._chunk
        assert chunk
        chunk.index.setdefault(channel, []).extend((log_time_ns, offset))
        chunk.start_ns = min(chunk.start_ns, log_time_ns)
        chunk.end_ns = max(chunk.end_ns, log_time_ns)
        self.start_ns = min(self.start_ns, log_time_ns)
        self.end_ns = max(self.end_ns, log_time_ns)
        self.counts[channel] = count + 1
        if chunk.size >= CHUNK_BYTES or chunk.end_ns - chunk.start_ns >= CHUNK_NS:
            self._close_chunk()
        self.is_whole = True

    def close(self) -> None:
        """Write the index, and close the file."""
        self._close_chunk()
        self._append(_dump([DataEnd(0)]))
        summary_start = self._end
        groups: list[tuple[Opcode, Sequence[McapRecord]]] = [
            (Opcode.SCHEMA, self._schemas),
            (Opcode.CHANNEL, self._channels),
            (Opcode.STATISTICS, [self._statistics()]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.METADATA_INDEX, self._metadata),
        ]
        summary = b""
        offsets = []
        for opcode, records in groups:
            if records:
                group = _dump(records)
                offsets.append(SummaryOffset(opcode, summary_start + len(summary), len(group)))
                summary += group
        offsets_start = summary_start + len(summary)
        summary += _dump(offsets)
        footer = _dump([Footer(summary_start, offsets_start, 0)])[:-4]
        crc = zlib.crc32(footer, zlib.crc32(summary))
        self._append(summary, footer, struct.pack("<I", crc), MAGIC)
        self.leave()

    def leave(self) -> None:
        """Close the file as it is, as if the process were killed."""
        os.close(self._fd)
        self._fd = -1

    def _statistics(self) -> Statistics:
        count = sum(self.counts.values())
        return Statistics(
            attachment_count=0,
            channel_count=len(self._channels),
            channel_message_counts={channel: count for channel, count in self.counts.items() if count},
            chunk_count=len(self._chunks),
            message_count=count,
            message_end_time=self.end_ns,
            message_start_time=self.start_ns if count else 0,
            metadata_count=len(self._metadata),
            schema_count=len(self._schemas),
        )

    def _append_to_chunk(self, *parts: bytes | memoryview) -> int:
        """Write one record, and return its offset within the chunk."""
        if self._chunk is None:
            chunk = _OpenChunk(self._end)
            self._append(_OpenChunk.open_head())
            self._chunk = chunk
        chunk, offset = self._chunk, self._chunk.size
        self._append(*parts)
        for part in parts:
            chunk.crc = zlib.crc32(part, chunk.crc)
            chunk.size += len(part)
        return offset

    def _close_chunk(self) -> None:
        chunk, self._chunk = self._chunk, None
        if chunk is None:
            return
        try:
            os.pwrite(self._fd, chunk.head(), chunk.offset)
        except OSError:
            self._abandon()
            raise
        chunk_end = self._end
        offsets = {}
        for channel, index in chunk.index.items():
            offsets[channel] = self._end
            size = 8 * len(index)
            self._append(
                RECORD_HEAD.pack(Opcode.MESSAGE_INDEX, 6 + size)
                + struct.pack(f"<HI{len(index)}Q", channel, size, *index)
            )
        start_ns, end_ns = (chunk.start_ns, chunk.end_ns) if chunk.index else (0, 0)
        self._chunks.append(
            ChunkIndex(
                chunk_length=chunk_end - chunk.offset,
                chunk_start_offset=chunk.offset,
                compression="",
                compressed_size=chunk.size,
                message_end_time=end_ns,
                message_index_length=self._end - chunk_end,
                message_index_offsets=offsets,
                message_start_time=start_ns,
                uncompressed_size=chunk.size,
            )
        )

    def _append(self, *parts: bytes | memoryview) -> None:
        size = sum(len(part) for part in parts)
        try:
            written = os.writev(self._fd, parts)
            if written < size:
                rest = memoryview(b"".join(parts))[written:]
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
        except OSError:
            self._abandon()
            raise
        self._end += size

    def _abandon(self) -> None:
        """Leave the file with its whole records, as far as the medium still allows that."""
        with suppress(OSError):
            os.ftruncate(self._fd, self._end)
            if self._chunk:
                os.pwrite(self._fd, self._chunk.head(), self._chunk.offset)
        self.leave()


def _dump(records: Iterable[McapRecord]) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    return builder.end()
