"""Reading a bag: rosbag2 in mcap or sqlite3 files, whole or damaged."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from convoy.bags.compression import unpacked
from convoy.bags.definitions import EmbeddedTypes
from convoy.bags.errors import BagError, BagWarning, Damage, DamagedError
from convoy.bags.mcap_file import McapFile
from convoy.bags.mcap_records import MAGIC as MCAP_MAGIC
from convoy.bags.merge import merge
from convoy.bags.metadata import METADATA_NAME, Metadata, read_metadata
from convoy.bags.records import Record, Storage, Topic
from convoy.bags.sqlite_file import SqliteFile
from convoy.bags.sqlite_salvage import MAGIC as SQLITE_MAGIC
from convoy.errors import nearest
from convoy.interfaces.messages import NANOSECONDS

_STORAGES: dict[str, tuple[bytes, Callable[[Path], Storage]]] = {
    "mcap": (MCAP_MAGIC, McapFile),
    "sqlite3": (SQLITE_MAGIC, SqliteFile),
}
_ENDINGS = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")
_ROS1_MAGIC = b"#ROSBAG"
_END_OF_TIME_NS = 1 << 64


class BagReader:
    """A bag, open for reading: a folder with or without ``metadata.yaml``, or a single mcap or sqlite3 file.

    Split and zstd-compressed bags are read too. A file that is damaged is read up to the damage;
    what was lost is said in a `BagWarning`, and kept in `damage`. Memory holds an index of the files, and
    of the messages some megabytes around the place that is read.

    Args:
        path: the bag's folder or file.

    Raises:
        BagError: there is nothing at the path, or no bag, or not one message in it.
    """

    path: Path
    files: list[Path]
    """The bag's files, in order."""
    storage: str
    """``mcap`` or ``sqlite3``."""
    topics: dict[str, Topic]
    """The topics by name, sorted."""
    damage: list[str]
    """One line for each damage that was met so far, beginning with the file."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.damage = []
        self._types = EmbeddedTypes()
        self._metadata: Metadata | None = None
        self._storages: dict[Path, Storage] = {}
        try:
            self.files = self._find_files()
            for file in self.files:
                self._open(file)
        except OSError as error:
            raise BagError(f"{error.filename or self.path} cannot be read: {error.strerror}.") from None
        self._gather_topics()
        if not self.message_count:
            raise BagError("; ".join([f"{self.path} holds no message that can be read", *self.damage]) + ".")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to close: files are open only while messages are read from them."""

    @property
    def message_count(self) -> int:
        """Messages that can be read, on all topics."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def start_ns(self) -> int:
        """Log time of the first message."""
        return min((storage.start_ns for storage in self._storages.values() if _count(storage)), default=0)

    @property
    def end_ns(self) -> int:
        """Log time of the last message."""
        return max((storage.end_ns for storage in self._storages.values() if _count(storage)), default=0)

    @property
    def duration(self) -> float:
        """Seconds from the first message to the last."""
        return (self.end_ns - self.start_ns) / NANOSECONDS

    def topic(self, name: str) -> Topic:
        """Return a topic.

        Raises:
            BagError: the bag has no such topic; the message lists those that it has, nearest first.
        """
        try:
            return self.topics[name]
        except KeyError:
            there = ", ".join(nearest(name, self.topics))
            raise BagError(f"{self.path} has no topic {name!r}; it has {there}.") from None

    def messages(
        self, topics: Iterable[str] | None = None, start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[Record]:
        """Read messages with ``start_ns <= log time < end_ns`` in order of log time, then topic, then sequence.

        Args:
            topics: names of topics; None for all.
            start_ns: nanoseconds since the epoch; None for the start of the bag.
            end_ns: likewise; None to read the last message too.

        Raises:
            BagError: the bag lacks one of the topics, or a file has gone.
        """
        wanted = None if topics is None else frozenset(self.topic(name).name for name in topics)
        begin = 0 if start_ns is None else start_ns
        end = _END_OF_TIME_NS if end_ns is None else end_ns
        return merge(
            [
                (storage.start_ns, partial(self._read, file, storage, wanted, begin, end))
                for file, storage in self._storages.items()
                if _count(storage) and storage.start_ns < end and storage.end_ns >= begin
            ]
        )

    def deserialize(self, record: Record) -> Any:
        """Decode a message, by the bag's own definition where convoy does not know its type, or in another version.

        Raises:
            BagError: the bag has no definition of its type, or it is not CDR.
            InterfaceError: the bytes are not a whole message of its type.
        """
        return self._types.deserialize(record, self.topics[record.topic])

    def _read(
        self, file: Path, storage: Storage, topics: frozenset[str] | None, start_ns: int, end_ns: int
    ) -> Iterator[Record]:
        known = storage.damage
        try:
            with unpacked(file) as (plain, _):
                yield from storage.messages(plain, topics, start_ns, end_ns)
        except OSError as error:
            raise BagError(f"{file} cannot be read: {error.strerror}.") from None
        finally:
            if storage.damage is not known:
                self._warn_of_damage(file, storage)
                self._gather_topics()

    def _gather_topics(self) -> None:
        topics: dict[str, Topic] = {}
        for storage in self._storages.values():
            for name, topic in storage.topics.items():
                before = topics.get(name)
                topics[name] = replace(before, count=before.count + topic.count) if before else topic
        self.topics = dict(sorted(topics.items()))

    def _find_files(self) -> list[Path]:
        if not self.path.exists():
            raise BagError(f"There is no bag at {self.path}.")
        if not self.path.is_dir():
            return [self.path]
        try:
            self._metadata = read_metadata(self.path)
        except DamagedError as error:
            self._warn(self.path / METADATA_NAME, f"{error}; the bag's files are read without it")
        if self._metadata is None:
            there = sorted((file for file in self.path.iterdir() if file.name.endswith(_ENDINGS)), key=_split_number)
            # While a recorder compresses a file, both are there, and the packed one is not yet whole.
            files = [file for file in there if file.suffix != ".zstd" or file.with_suffix("") not in there]
        elif self._metadata.storage in _STORAGES:
            listed = [self.path / name for name in self._metadata.files]
            files = [file for file in listed if file.exists()]
            for file in listed:
                if file not in files:
                    lost = self._metadata.file_counts.get(file.name.removesuffix(".zstd"))
                    self._warn(file, "is missing" + (f"; {lost} messages are lost" if lost else ""))
        else:
            known = " and ".join(_STORAGES)
            raise BagError(f"{self.path} is stored as {self._metadata.storage!r}; convoy reads {known}.")
        if not files:
            raise BagError(f"{self.path} is no bag: no file that ends in .mcap or .db3 is there.")
        return files

    def _open(self, file: Path) -> None:
        with unpacked(file) as (plain, problem):
            with plain.open("rb") as opened:
                begin = opened.read(16)
            for name, (magic, storage_class) in _STORAGES.items():
                if begin.startswith(magic):
                    self.storage = name
                    storage = storage_class(plain)
                    break
            else:
                self._refuse(file, begin)
                return
        self._storages[file] = storage
        if problem:
            storage.damage = replace(storage.damage or Damage("", None, None), what=problem)
        self._check_counts(file, storage)
        if storage.damage:
            self._warn_of_damage(file, storage)

    def _refuse(self, file: Path, begin: bytes) -> None:
        if begin.startswith(_ROS1_MAGIC):
            raise BagError(f"{file} is a bag of ROS 1; rosbags-convert, of the package rosbags, converts it.")
        what = f"is neither an mcap nor an sqlite3 file: it begins with {begin!r}" if begin else "is empty"
        if len(self.files) == 1:
            raise BagError(f"{file} {what}.")
        # A recorder that was killed may leave its last file like that.
        self._warn(file, what)

    def _check_counts(self, file: Path, storage: Storage) -> None:
        """Compare with the metadata: some damage, of sqlite3 most of all, shows in nothing else."""
        lost, count = self._missing(file, storage)
        if count and not storage.damage:
            storage.damage = Damage(f"does not hold all that {METADATA_NAME} counts", None, lost)

    def _missing(self, file: Path, storage: Storage) -> tuple[dict[str, int] | None, int | None]:
        """Return how many messages the metadata counts beyond those in a file, by topic and together, if it tells."""
        if self._metadata is None:
            return None, None
        if len(self._metadata.files) == 1:
            found = Counter({name: topic.count for name, topic in storage.topics.items()})
            lost = Counter(self._metadata.topic_counts) - found
            return dict(lost), lost.total()
        listed = self._metadata.file_counts.get(file.name.removesuffix(".zstd"))
        return None, None if listed is None else max(0, listed - _count(storage))

    def _warn_of_damage(self, file: Path, storage: Storage) -> None:
        assert storage.damage
        lost = storage.damage.lost_messages
        count = None if lost is None else sum(lost.values())
        if count is None:
            lost, count = self._missing(file, storage)
        said = [storage.damage.what]
        if count is None:
            said.append("how many messages are lost is not known")
        elif count:
            topics = f" ({', '.join(f'{name} {n}' for name, n in sorted(lost.items()))})" if lost else ""
            said.append(f"{count} of {count + _count(storage)} messages are lost{topics}")
        else:
            said.append("no message is lost")
        if storage.damage.lost_bytes:
            said.append(f"{storage.damage.lost_bytes} bytes are lost")
        self._warn(file, "; ".join(said))

    def _warn(self, file: Path, line: str) -> None:
        self.damage.append(f"{file} {line}")
        warnings.warn(self.damage[-1], BagWarning, stacklevel=2)


def _count(storage: Storage) -> int:
    return sum(topic.count for topic in storage.topics.values())


def _split_number(file: Path) -> tuple[str, int, str]:
    """Sort bag_10 behind bag_9."""
    match = re.fullmatch(r"(.*?)(\d*)(\.\D.*)", file.name)
    stem, number, ending = match.groups() if match else (file.name, "", "")
    return stem, int(number or 0), ending
