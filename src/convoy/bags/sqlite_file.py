"""Reading one sqlite3 file of a bag."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import groupby, takewhile
from operator import attrgetter, itemgetter
from pathlib import Path
from urllib.parse import quote

from convoy.bags.compression import ZSTD_MAGIC, decompress_message
from convoy.bags.errors import BagError, Damage, DamagedError
from convoy.bags.qos import parse_profiles
from convoy.bags.records import Definition, Record, Topic, order
from convoy.bags.source import Source
from convoy.bags.sqlite_salvage import Salvage, Salvaged

_TOPIC_COLUMNS = ("id", "name", "type", "serialization_format", "offered_qos_profiles", "type_description_hash")
"""The last two came with later versions of the schema; further ones may follow."""
_DEFINITION_COLUMNS = ("id", "topic_type", "encoding", "encoded_message_definition")
_LAST_TIME_NS = (1 << 63) - 1


class SqliteFile:
    """One sqlite3 file. It is open only while messages are read.

    Args:
        path: where the file is now.

    Raises:
        BagError: it holds other data than a bag's.
    """

    def __init__(self, path: Path) -> None:
        self.damage: Damage | None = None
        self._salvaged: Salvaged | None = None
        self.topics: dict[str, Topic] = {}
        with Source(path) as source:
            try:
                if Salvage(source).missing_bytes:
                    raise DamagedError("ends early")
                with closing(_connect(path)) as database:
                    self._read_tables(path, database)
            except (sqlite3.DatabaseError, DamagedError) as error:
                self._salvage(source, error)

    def _read_tables(self, path: Path, database: sqlite3.Connection) -> None:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= {"topics", "messages"}:
            there = ", ".join(sorted(tables)) or "none"
            raise BagError(f"{path} is no bag: its tables are {there}; a bag has topics and messages.")
        counts: Counter[int] = Counter()
        starts_ns, ends_ns = [], []
        for topic_id, count, start_ns, end_ns in database.execute(
            "SELECT topic_id, count(*), min(timestamp), max(timestamp) FROM messages GROUP BY topic_id"
        ):
            if not all(isinstance(value, int) for value in (topic_id, start_ns, end_ns)):
                raise DamagedError("has a broken row")
            counts[topic_id] = count
            starts_ns.append(start_ns)
            ends_ns.append(end_ns)
        self.start_ns, self.end_ns = min(starts_ns, default=0), max(ends_ns, default=0)
        definitions = _select(database, "message_definitions", _DEFINITION_COLUMNS)
        self._adopt(_select(database, "topics", _TOPIC_COLUMNS), definitions, counts)

    def _adopt(
        self, topics: Iterable[tuple[object, ...]], definitions: Iterable[tuple[object, ...]], counts: Counter[int]
    ) -> None:
        texts = {type_: Definition(str(format_), str(text)) for _, type_, format_, text, *_ in definitions if text}
        self._names: dict[int, str] = {}
        self.topics = {}
        for id_, name, type_, encoding, *more in topics:
            qos, hash_ = (*more, "", "")[:2]
            assert isinstance(id_, int)
            self._names[id_] = str(name)
            self.topics[str(name)] = Topic(
                str(name),
                str(type_),
                counts[id_],
                parse_profiles(qos),
                str(hash_),
                str(encoding),
                texts.get(type_),
            )

    def _salvage(self, source: Source, error: Exception) -> None:
        """Find what is sound in a damaged file, and go on with that."""
        before = _count(self.topics)
        try:
            salvage = Salvage(source)
            found, missing_bytes = salvage.rows(), salvage.missing_bytes
            what = f"ends early, after {source.size} bytes" if missing_bytes else f"is damaged ({error})"
        except DamagedError as unreadable:
            found, missing_bytes, what = Salvaged(), 0, str(unreadable)
        names = {row[0] for row in found.topics}
        found.messages = list(takewhile(lambda row: row.topic_id in names, found.messages))
        times_ns = [row.timestamp_ns for row in found.messages]
        self.start_ns, self.end_ns = min(times_ns, default=0), max(times_ns, default=0)
        self._salvaged = found
        self._adopt(found.topics, found.definitions, Counter(row.topic_id for row in found.messages))
        lost = dict(before - _count(self.topics)) or None
        self.damage = Damage(what, missing_bytes or None, lost)

    def messages(self, path: Path, topics: frozenset[str] | None, start_ns: int, end_ns: int) -> Iterator[Record]:
        """Read the messages with ``start_ns <= log time < end_ns`` in order of log time, topic and sequence."""
        last = None
        if self._salvaged is None:
            try:
                with closing(_connect(path)) as database:
                    for record in self._query(database, topics, start_ns, end_ns):
                        last = record
                        yield record
                return
            except (sqlite3.DatabaseError, DamagedError) as error:
                with Source(path) as source:
                    self._salvage(source, error)
        with suppress(DamagedError):
            for record in self._salvaged_messages(path, topics, start_ns, end_ns):
                if last is None or order(record) > order(last):
                    yield record

    def _query(
        self, database: sqlite3.Connection, topics: frozenset[str] | None, start_ns: int, end_ns: int
    ) -> Iterator[Record]:
        wanted = self._wanted(topics)
        rows = database.execute(
            f"SELECT timestamp, topic_id, data FROM messages WHERE topic_id IN ({', '.join('?' * len(wanted))})"
            " AND timestamp >= ? AND timestamp < ? ORDER BY timestamp",
            (*wanted, max(start_ns, -_LAST_TIME_NS), min(end_ns, _LAST_TIME_NS)),
        )
        for _, together in groupby(rows, key=itemgetter(0)):
            records = [self._record(topic_id, timestamp_ns, data) for timestamp_ns, topic_id, data in together]
            if len(records) > 1:
                records.sort(key=attrgetter("topic"))
            yield from records

    def _salvaged_messages(
        self, path: Path, topics: frozenset[str] | None, start_ns: int, end_ns: int
    ) -> Iterator[Record]:
        wanted = self._wanted(topics)
        assert self._salvaged is not None
        rows = [r for r in self._salvaged.messages if r.topic_id in wanted and start_ns <= r.timestamp_ns < end_ns]
        rows.sort(key=lambda row: (row.timestamp_ns, self._names[row.topic_id], row.id))
        if not rows:
            return
        with Source(path) as source:
            salvage = Salvage(source)
            for row in rows:
                yield self._record(row.topic_id, row.timestamp_ns, salvage.data(row))

    def _wanted(self, topics: frozenset[str] | None) -> list[int]:
        return [id_ for id_, name in self._names.items() if topics is None or name in topics]

    def _record(self, topic_id: int, timestamp_ns: int, data: object) -> Record:
        name = self._names[topic_id]
        if not isinstance(data, bytes):
            raise DamagedError("has a broken row")
        payload = memoryview(data)
        if data[:4] == ZSTD_MAGIC and self.topics[name].encoding == "cdr":
            # It cannot be CDR, which begins with a zero byte.
            payload = decompress_message(payload)
        return Record(name, self.topics[name].type, timestamp_ns, timestamp_ns, 0, payload)


def _count(topics: dict[str, Topic]) -> Counter[str]:
    return Counter({name: topic.count for name, topic in topics.items()})


def _connect(path: Path) -> sqlite3.Connection:
    # A recorder that was killed may leave a write-ahead log, which SQLite only reads if it may lock the file.
    log = Path(f"{path}-wal")
    immutable = "" if log.exists() and log.stat().st_size else "&immutable=1"
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro{immutable}", uri=True)
    database.execute("PRAGMA cell_size_check = ON")
    return database


def _select(database: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> list[tuple[object, ...]]:
    there = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    known = [column for column in columns if column in there]
    return database.execute(f"SELECT {', '.join(known)} FROM {table} ORDER BY id").fetchall() if known else []
