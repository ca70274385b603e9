"""Reading one mcap file of a bag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from convoy.bags.compression import ZSTD_MAGIC, decompress_message
from convoy.bags.errors import DamagedError
from convoy.bags.mcap_index import McapIndex, read_index, scan
from convoy.bags.mcap_records import Span, read_span
from convoy.bags.merge import merge
from convoy.bags.qos import parse_profiles
from convoy.bags.records import Definition, Record, Topic, order
from convoy.bags.source import Source

_SMALL = 1 << 14
"""Messages below this many bytes are copied, so that keeping some of them does not keep whole chunks in memory."""


class McapFile:
    """One mcap file. Its index stays in memory; the file is open only while messages are read.

    Args:
        path: where the file is now.
    """

    def __init__(self, path: Path) -> None:
        with Source(path) as source:
            self._adopt(read_index(source))

    def _adopt(self, index: McapIndex) -> None:
        self._index = index
        self.damage = index.damage
        self.start_ns, self.end_ns = index.start_ns, index.end_ns
        self.topics: dict[str, Topic] = {}
        self._types: dict[int, str] = {}
        self._cdr: set[int] = set()
        counts = _count(index)
        for id_, channel in index.channels.items():
            schema = index.schemas.get(channel.schema_id)
            self._types[id_] = schema.name if schema else ""
            if channel.message_encoding == "cdr":
                self._cdr.add(id_)
            self.topics[channel.topic] = Topic(
                channel.topic,
                self._types[id_],
                counts[channel.topic],
                parse_profiles(channel.metadata.get("offered_qos_profiles")),
                channel.metadata.get("topic_type_hash", ""),
                channel.message_encoding,
                Definition(schema.encoding, schema.data.decode(errors="replace")) if schema and schema.data else None,
            )

    def messages(self, path: Path, topics: frozenset[str] | None, start_ns: int, end_ns: int) -> Iterator[Record]:
        """Read the messages with ``start_ns <= log time < end_ns`` in order of log time, topic and sequence."""
        with Source(path) as source:
            last = None
            try:
                for record in merge(self._parts(source, topics, start_ns, end_ns)):
                    last = record
                    yield record
            except DamagedError as error:
                self._find_damage(source, error)
            else:
                return
            with suppress(DamagedError):
                for record in merge(self._parts(source, topics, start_ns, end_ns)):
                    if last is None or order(record) > order(last):
                        yield record

    def _parts(
        self, source: Source, topics: frozenset[str] | None, start_ns: int, end_ns: int
    ) -> list[tuple[int, Callable[[], Iterator[Record]]]]:
        wanted = {id_ for id_, topic in self._index.names.items() if topics is None or topic in topics}
        read = partial(self._read, source, wanted, start_ns, end_ns)
        return [
            (span.start_ns, partial(read, span))
            for span in self._index.spans
            if span.start_ns < end_ns and span.end_ns >= start_ns and (not span.channels or span.channels & wanted)
        ]

    def _read(self, source: Source, wanted: set[int], start_ns: int, end_ns: int, span: Span) -> Iterator[Record]:
        entries, data = read_span(source, span, self._index.names, wanted)
        entries.sort()
        for log_time_ns, topic, sequence, begin, end, channel, publish_time_ns in entries:
            if log_time_ns < start_ns:
                continue
            if log_time_ns >= end_ns:
                return
            payload = data[begin:end]
            if end - begin < _SMALL:
                payload = memoryview(bytes(payload))
            if payload[:4] == ZSTD_MAGIC and channel in self._cdr:
                # It cannot be CDR, which begins with a zero byte.
                payload = decompress_message(payload)
            yield Record(topic, self._types[channel], log_time_ns, publish_time_ns, sequence, payload)

    def _find_damage(self, source: Source, error: DamagedError) -> None:
        before, index = _count(self._index), scan(source, error)
        assert index.damage
        index.damage = replace(index.damage, lost_messages=dict(before - _count(index)))
        self._adopt(index)


def _count(index: McapIndex) -> Counter[str]:
    counts: Counter[str] = Counter()
    for id_, topic in index.names.items():
        counts[topic] += index.counts[id_]
    return counts
