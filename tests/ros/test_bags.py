"""Against a genuine rosbag2: it opens what convoy writes, and convoy reads all that it converts that into."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from convoy.bags import BagReader, BagWriter, QosProfile
from convoy.interfaces import cdr
from convoy.interfaces.messages import AckermannDriveStamped, String, make

pytestmark = pytest.mark.skipif(shutil.which("ros2") is None, reason="needs a genuine ROS 2: no ros2 on the PATH")

KILLED = """
import os, sys
sys.path[:0] = {path!r}
from convoy.bags import BagWriter
writer = BagWriter(sys.argv[1])
writer.add_topic("/a", "std_msgs/msg/String")
for number in range(50):
    writer.write("/a", number * 100_000_000, b"\\x00\\x01\\x00\\x00\\x02\\x00\\x00\\x00a\\x00")
os.kill(os.getpid(), 9)
"""


def ros2(*arguments: object) -> str:
    command = ["ros2", "bag", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    path = tmp_path / "drive"
    with BagWriter(path) as writer:
        writer.add_topic("/drive", "ackermann_msgs/msg/AckermannDriveStamped", QosProfile(depth=5))
        writer.add_topic("/label", "std_msgs/msg/String", QosProfile(durability="transient_local", depth=1))
        for number in range(200):
            writer.write("/drive", 1_000_000_000 + number * 20_000_000, cdr.serialize(make(AckermannDriveStamped)))
        writer.write("/label", 1_500_000_000, cdr.serialize(make(String, data="road " * 400)))
    return path


def test_ros2_bag_info_agrees(bag: Path) -> None:
    said = ros2("info", bag)
    assert "Storage id:        mcap" in said
    assert "Duration:          3.980000000s" in said
    assert "Messages:          201" in said
    assert "Topic: /drive | Type: ackermann_msgs/msg/AckermannDriveStamped | Count: 200" in said
    assert "WARN" not in said
    assert "Messages:          201" in ros2("info", bag / "drive_0.mcap")


@pytest.mark.parametrize(
    "options",
    [
        {"storage_id": "sqlite3"},
        {"storage_id": "sqlite3", "storage_preset_profile": "resilient"},
        {"storage_id": "sqlite3", "compression_mode": "file", "compression_format": "zstd", "max_bagfile_duration": 1},
        {"storage_id": "mcap", "compression_mode": "file", "compression_format": "zstd"},
        {"storage_id": "mcap", "compression_mode": "message", "compression_format": "zstd"},
        {"storage_id": "mcap", "storage_preset_profile": "fastwrite"},
        {"storage_id": "mcap", "storage_preset_profile": "zstd_small", "max_bagfile_duration": 1},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_what_rosbag2_makes_of_it_reads_the_same(bag: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    # A queue as long as the bag: a compressing rosbag2 drops what does not fit.
    output = {"uri": str(tmp_path / "out"), "all": True, "compression_queue_size": 1000, **options}
    (tmp_path / "out.yaml").write_text(yaml.safe_dump({"output_bags": [output]}))
    ros2("convert", "-i", bag, "-o", tmp_path / "out.yaml")
    with BagReader(bag) as written, BagReader(tmp_path / "out") as converted:
        assert converted.topics.keys() == written.topics.keys()
        for name, topic in written.topics.items():
            assert converted.topics[name].qos == topic.qos
            assert converted.topics[name].type == topic.type
        for ours, theirs in zip(written.messages(), converted.messages(), strict=True):
            assert theirs[:3] == ours[:3]
            assert theirs.data == ours.data
        assert converted.damage == []


def test_ros2_opens_what_a_killed_process_leaves(tmp_path: Path) -> None:
    path = tmp_path / "killed"
    done = subprocess.run([sys.executable, "-c", KILLED.format(path=sys.path), str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    # What convoy itself reads to the last message, it reads up to the last chunk, which ends after a second.
    assert "Messages:          44" in ros2("info", path / "killed_0.mcap")
    ros2("reindex", path)
    assert "Messages:          44" in ros2("info", path)
