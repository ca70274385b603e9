"""What a message costs to read from a bag and to write to one: ``python benchmarks/bags.py [--json FILE]``.

The same bag in memory-backed files, small commands between camera images, is read and written by convoy, rosbags, and
the mcap library, which take turns; the best of several rounds counts. Reading is in order of log time, and checks the
chunks' checksums where the library offers that.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mcap.reader import make_reader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from convoy.bags import BagReader, BagWriter
from convoy.interfaces.messages import store

ROUNDS = 5
STRING = "std_msgs/msg/String"
LOADS = {
    "60 B commands": [("/drive", bytes(60))] * 20_000,
    "60 B commands, 20 kB JPEGs": [("/drive", bytes(60)), ("/image", os.urandom(20_000))] * 2_000,
    "640x480 bgr8 images": [("/image", os.urandom(640 * 480 * 3))] * 100,
}

Messages = list[tuple[str, bytes]]


def write_convoy(path: Path, messages: Messages) -> None:
    with BagWriter(path) as writer:
        for topic in sorted({topic for topic, _ in messages}):
            writer.add_topic(topic, STRING)
        for number, (topic, data) in enumerate(messages):
            writer.write(topic, number * 1_000_000, data)


def write_rosbags(path: Path, messages: Messages) -> None:
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics = sorted({topic for topic, _ in messages})
        connections = {topic: writer.add_connection(topic, STRING, typestore=store) for topic in topics}
        for number, (topic, data) in enumerate(messages):
            writer.write(connections[topic], number * 1_000_000, data)


def write_mcap(path: Path, messages: Messages) -> None:
    path.mkdir()
    with (path / "bag.mcap").open("wb") as file:
        writer = McapWriter(file, compression=CompressionType.NONE)
        writer.start("ros2")
        schema = writer.register_schema(STRING, "ros2msg", b"string data\n")
        channels = {topic: writer.register_channel(topic, "cdr", schema) for topic in {topic for topic, _ in messages}}
        for number, (topic, data) in enumerate(messages):
            writer.add_message(channels[topic], number * 1_000_000, data, number * 1_000_000)
        writer.finish()


def read_convoy(path: Path) -> int:
    with BagReader(path) as bag:
        return sum(1 for _ in bag.messages())


def read_rosbags(path: Path) -> int:
    with Reader(path) as bag:
        return sum(1 for _ in bag.messages())


def read_mcap(path: Path) -> int:
    with next(path.glob("*.mcap")).open("rb") as file:
        return sum(1 for _ in make_reader(file, validate_crcs=True).iter_messages())


WRITERS: dict[str, Callable[[Path, Messages], None]] = {
    "convoy": write_convoy,
    "rosbags": write_rosbags,
    "mcap": write_mcap,
}
READERS: dict[str, Callable[[Path], int]] = {"convoy": read_convoy, "rosbags": read_rosbags, "mcap": read_mcap}


def measure(messages: Messages, folder: Path) -> dict[str, dict[str, float]]:
    """Return microseconds per message, by what is done and by whom."""
    best: dict[str, dict[str, float]] = {"write": {}, "read": {}}

    def time_it(what: str, who: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        spent = (time.perf_counter() - start) * 1e6 / len(messages)
        best[what][who] = min(spent, best[what].get(who, spent))

    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=folder) as round_folder:
            for who, write in WRITERS.items():
                target = Path(round_folder, who)
                time_it("write", who, lambda write=write, target=target: write(target, messages))
            for who, read in READERS.items():
                assert read(Path(round_folder, "convoy")) == len(messages)
                time_it("read", who, lambda read=read: read(Path(round_folder, "convoy")))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    target = parser.parse_args().json
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    rows = []
    print(f"{'us per message':<28}{'':<8}" + "".join(f"{who:>10}" for who in READERS))
    for name, messages in LOADS.items():
        for what, spent in measure(messages, folder).items():
            rows.append({"messages": name, "what": what, "us_per_message": spent})
            print(f"{name:<28}{what:<8}" + "".join(f"{spent[who]:10.1f}" for who in READERS))
    if target:
        target.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
