"""A bag's ``metadata.yaml``: how its files are found, and the form in which rosbag2 (version 9, Jazzy) writes it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from convoy.bags.errors import DamagedError
from convoy.bags.qos import SafeLoader, dump_profiles
from convoy.bags.records import Topic

METADATA_NAME = "metadata.yaml"
_MAX_SIZE = 1 << 26
_NEVER_NS = 2**63 - 1
"""What rosbag2 gives as the start of a bag without messages."""


@dataclass
class Metadata:
    """What the reader needs to know of a bag as a whole."""

    storage: str
    files: list[str]
    """Names of the bag's files, in order."""
    topic_counts: dict[str, int] = field(default_factory=dict)
    """Messages by topic, in all files together."""
    file_counts: dict[str, int] = field(default_factory=dict)
    """Messages by file, named without ``.zstd``; empty before version 5."""


def read_metadata(folder: Path) -> Metadata | None:
    """Read a bag's metadata; None where it has none, as after a recorder that was killed.

    Raises:
        DamagedError: it is there, but broken.
    """
    path = folder / METADATA_NAME
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _MAX_SIZE:
            raise DamagedError(f"is larger than {_MAX_SIZE} bytes")
        bag = yaml.load(path.read_text(encoding="utf-8"), SafeLoader)["rosbag2_bagfile_information"]
        return Metadata(
            str(bag["storage_identifier"]),
            # Before version 4 the paths began with the bag's own folder.
            [PurePosixPath(str(name)).name for name in bag["relative_file_paths"]],
            {
                str(topic["topic_metadata"]["name"]): int(topic["message_count"])
                for topic in bag["topics_with_message_count"] or ()
            },
            {
                PurePosixPath(str(file["path"])).name.removesuffix(".zstd"): int(file["message_count"])
                for file in bag.get("files") or ()
            },
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"cannot be read ({' '.join(str(error).split())})") from None


def dump_metadata(topics: Sequence[Topic], start_ns: int, end_ns: int, file: str) -> str:
    """Write the metadata of a bag with one mcap file, without the outermost key: the form that the file embeds."""
    count = sum(topic.count for topic in topics)
    start_ns, duration_ns = (start_ns, end_ns - start_ns) if count else (_NEVER_NS, 0)
    described = "\n".join(map(_dump_topic, topics)) or "[]"
    return f"""\
version: 9
storage_identifier: mcap
duration:
  nanoseconds: {duration_ns}
starting_time:
  nanoseconds_since_epoch: {start_ns}
message_count: {count}
topics_with_message_count:
{textwrap.indent(described, "  ")}
compression_format: ""
compression_mode: ""
relative_file_paths:
  - {file}
files:
  - path: {file}
    starting_time:
      nanoseconds_since_epoch: {start_ns}
    duration:
      nanoseconds: {duration_ns}
    message_count: {count}
custom_data: ~
ros_distro: jazzy"""


def _dump_topic(topic: Topic) -> str:
    return f"""\
- topic_metadata:
    name: {topic.name}
    type: {topic.type}
    serialization_format: {topic.encoding}
    offered_qos_profiles:
{textwrap.indent(dump_profiles(topic.qos) or "[]", "      ")}
    type_description_hash: {topic.type_hash}
  message_count: {topic.count}"""


def write_metadata(folder: Path, text: str) -> None:
    """Write ``metadata.yaml`` of what `dump_metadata` returned."""
    indented = textwrap.indent(text, "  ")
    (folder / METADATA_NAME).write_text(f"rosbag2_bagfile_information:\n{indented}", encoding="utf-8")
