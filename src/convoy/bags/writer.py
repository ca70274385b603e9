"""Writing a bag as rosbag2 writes it: mcap, in a bag's folder or as a single file."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from convoy.bags.errors import BagError
from convoy.bags.mcap_writer import McapWriter
from convoy.bags.metadata import dump_metadata, write_metadata
from convoy.bags.qos import QosLike, QosProfile, dump_profiles, profiles_from
from convoy.bags.records import Definition, Topic
from convoy.interfaces import messages

Bytes = bytes | bytearray | memoryview

_TOPIC = re.compile(r"(/[A-Za-z_]\w*)+", re.ASCII)
_TYPE = re.compile(r"[A-Za-z]\w*/[a-z]\w*/[A-Z]\w*", re.ASCII)
_DEFAULT_QOS = QosProfile()


class BagWriter:
    """A bag, open for writing. The same messages always give the same bytes.

    A path that ends in ``.mcap`` becomes a single file; any other a folder ``NAME`` with ``NAME_0.mcap``
    and, when it is closed, ``metadata.yaml``. Every message is handed to the system as it is written: a
    process that is killed loses none. Nothing is compressed: camera images are compressed before, and
    the rest is small. Not for several threads at a time.

    Args:
        path: where nothing is yet.

    Raises:
        BagError: something is there, or nothing can be written there.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._topics: dict[int, Topic] = {}
        """By channel."""
        self._channels: dict[str, int] = {}
        self._schemas: dict[tuple[str, Definition], int] = {}
        self._failed: BagError | None = None
        self._is_folder = self.path.suffix != ".mcap"
        self._file = self.path / f"{self.path.name}_0.mcap" if self._is_folder else self.path
        try:
            self._file.parent.mkdir(parents=True, exist_ok=not self._is_folder)
            self._mcap = McapWriter(self._file)
            # ROS 2 learns from it how the QoS profiles are written, also in a file that was never closed.
            self._mcap.add_metadata("rosbag2", {"serialized_metadata": self._metadata()})
        except FileExistsError as error:
            raise BagError(f"{error.filename} is there already: remove it, or give another name.") from None
        except OSError as error:
            raise BagError(f"{self.path} cannot be written: {error.strerror}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def message_count(self) -> int:
        """Messages written so far, on all topics."""
        return sum(self._mcap.counts.values())

    def add_topic(
        self,
        name: str,
        type: str,
        qos: QosLike | Iterable[QosLike] = _DEFAULT_QOS,
        definition: Definition | None = None,
        type_hash: str = "",
    ) -> None:
        """Add a topic, before its first message.

        Args:
            name: absolute name, such as ``/drive``.
            type: ``pkg/msg/Name``.
            qos: what its publisher offers, or each of them.
            definition: of the type and all types in it, for types that convoy does not know.
            type_hash: ``RIHS01_...``, likewise. A reader's `Topic` has both.

        Raises:
            BagError: the topic is there already, a name is none, or the file cannot be written.
            InterfaceError: the type is not known to convoy, and no definition is given.
        """
        if name in self._channels:
            raise BagError(f"{self.path} has the topic {name} already.")
        if not _TOPIC.fullmatch(name):
            raise BagError(f"{name!r} is no absolute name of a topic, such as '/camera/image_raw'.")
        if not _TYPE.fullmatch(type):
            raise BagError(f"{type!r} on {name} is no name of a message type, such as 'std_msgs/msg/String'.")
        if definition is None:
            type_hash = messages.type_hash(type)
            definition = Definition("ros2msg", messages.store.generate_msgdef(type, ros_version=2)[0])
        topic = Topic(name, type, 0, profiles_from(qos), type_hash, "cdr", definition)
        self._check_open()
        try:
            schema = self._schemas.get((type, definition))
            if schema is None:
                schema = self._mcap.add_schema(type, definition.format, definition.text.encode())
                self._schemas[type, definition] = schema
            values = {"offered_qos_profiles": dump_profiles(topic.qos), "topic_type_hash": type_hash}
            channel = self._mcap.add_channel(name, schema, values)
        except OSError as error:
            raise self._failure(error) from None
        self._channels[name] = channel
        self._topics[channel] = topic

    def write(self, topic: str, log_time_ns: int, data: Bytes, publish_time_ns: int | None = None) -> None:
        """Write a message.

        Args:
            topic: one that was added.
            log_time_ns: when it was received, in nanoseconds since the epoch.
            data: its CDR bytes.
            publish_time_ns: when it was sent; None for the same time.

        Raises:
            BagError: the topic was not added, the time is negative, or the file cannot be written. What was
                written before can be read then.
        """
        channel = self._channels.get(topic)
        if channel is None:
            raise BagError(f"{topic} was not added to {self.path}.")
        self._check_open()
        view = memoryview(data)
        if view.format != "B" or view.ndim != 1:
            view = view.cast("B")
        published_ns = log_time_ns if publish_time_ns is None else publish_time_ns
        try:
            self._mcap.write(channel, log_time_ns, published_ns, view)
        except struct.error:
            raise BagError(f"A message on {topic} has the time {log_time_ns} ns, which no bag can hold.") from None
        except OSError as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Finish the bag; does nothing when that was done, or when writing has failed before.

        Raises:
            BagError: the file cannot be written; the messages can be read all the same.
        """
        if not self._mcap.is_open:
            return
        if not self._mcap.is_whole:
            self._mcap.leave()
            return
        try:
            metadata = self._metadata()
            self._mcap.add_metadata("rosbag2", {"serialized_metadata": metadata})
            self._mcap.close()
            if self._is_folder:
                write_metadata(self.path, metadata)
        except OSError as error:
            raise self._failure(error) from None

    def _metadata(self) -> str:
        topics = [replace(topic, count=self._mcap.counts[channel]) for channel, topic in self._topics.items()]
        return dump_metadata(topics, self._mcap.start_ns, self._mcap.end_ns, self._file.name)

    def _check_open(self) -> None:
        if self._failed is not None:
            raise self._failed
        if not self._mcap.is_open:
            raise BagError(f"{self.path} is closed; nothing more can be written to it.")

    def _failure(self, error: OSError) -> BagError:
        count = self.message_count
        rest = f"; the {count} messages before can be read" if count else ""
        self._failed = BagError(f"{self._file} cannot be written: {error.strerror}{rest}.")
        return self._failed
