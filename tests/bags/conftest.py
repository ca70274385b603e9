"""Small bags in every form that rosbag2 knows, all with the same messages."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from mcap.writer import CompressionType, IndexType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from convoy.bags import BagReader, BagWriter
from convoy.interfaces.messages import store

START_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000
STRING = "std_msgs/msg/String"

Message = tuple[str, int, bytes]
"""Topic, log time, data."""

MCAP_FORMS: dict[str, dict[str, Any]] = {
    "plain": {"compression": CompressionType.NONE},
    "zstd": {"compression": CompressionType.ZSTD},
    "lz4": {"compression": CompressionType.LZ4},
    "no checksums": {"compression": CompressionType.NONE, "enable_crcs": False},
    "no chunks": {"use_chunking": False},
    "no index": {"compression": CompressionType.ZSTD, "index_types": IndexType.NONE},
    "no summary": {
        "index_types": IndexType.NONE,
        "repeat_channels": False,
        "repeat_schemas": False,
        "use_statistics": False,
        "use_summary_offsets": False,
    },
}


class Forms:
    """The same kind of messages in every form."""

    @staticmethod
    def messages(count: int = 300, large: int = 600) -> list[Message]:
        """Messages on three topics, a millisecond apart, every third of them `large` bytes long."""
        random_ = random.Random(count)
        sizes = {"/a": 40, "/b": large, "/c": 12}
        return [
            (topic, START_NS + i * STEP_NS, b"\x00\x01\x00\x00" + random_.randbytes(sizes[topic]))
            for i, topic in enumerate(["/a", "/b", "/c"] * (count // 3))
        ]

    @staticmethod
    def rosbag2(path: Path, messages: list[Message], plugin: str, mode: str = "none") -> Path:
        """Write a bag's folder with rosbags, in one file."""
        writer = Writer(path, version=9, storage_plugin=StoragePlugin[plugin.upper()])
        writer.set_compression(CompressionMode[mode.upper()], CompressionFormat.ZSTD)
        with writer:
            connections: dict[str, Any] = {}
            for topic, time_ns, data in messages:
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, STRING, typestore=store)
                writer.write(connections[topic], time_ns, data)
        return path

    @staticmethod
    def mcap(path: Path, messages: list[Message], form: str) -> Path:
        """Write an mcap file with many small chunks."""
        with path.open("wb") as file:
            writer = McapWriter(file, chunk_size=4096, **MCAP_FORMS[form])
            writer.start("ros2")
            channels: dict[str, int] = {}
            schema = writer.register_schema(STRING, "ros2msg", b"string data\n")
            for topic, time_ns, data in messages:
                if topic not in channels:
                    channels[topic] = writer.register_channel(topic, "cdr", schema)
                writer.add_message(channels[topic], time_ns, data, time_ns)
            writer.finish()
        return path

    @staticmethod
    def convoy(path: Path, messages: list[Message]) -> Path:
        """Write a bag with convoy's own writer."""
        with BagWriter(path) as bag:
            for topic in sorted({topic for topic, _, _ in messages}):
                bag.add_topic(topic, STRING)
            for topic, time_ns, data in messages:
                bag.write(topic, time_ns, data)
        return path

    @staticmethod
    def read(bag: BagReader, **options: Any) -> list[Message]:
        """Read a bag's messages."""
        return [(record.topic, record.log_time_ns, bytes(record.data)) for record in bag.messages(**options)]


@pytest.fixture(scope="session")
def forms() -> Forms:
    return Forms()


@pytest.fixture(scope="session")
def messages(forms: Forms) -> list[Message]:
    return forms.messages()
