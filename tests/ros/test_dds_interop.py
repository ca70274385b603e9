"""The DDS host and a genuine ROS 2 on one machine: each sees, hears and records the other, without a warning."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.bags import BagReader, BagWriter
from convoy.graph import DEFAULT, LATCHED
from convoy.hosts.dds import Participant
from convoy.interfaces import cdr
from convoy.interfaces.messages import Image, make, type_hash

DDS = Path(__file__).parents[1] / "hosts" / "dds"
_fixtures = runpy.run_path(str(DDS / "conftest.py"))
domain, participant, start, eventually = (_fixtures[name] for name in ("domain", "participant", "start", "eventually"))

DRIVE, IMAGE, STRING = "ackermann_msgs/msg/AckermannDriveStamped", "sensor_msgs/msg/Image", "std_msgs/msg/String"
CAR = ("--ros-args", "-r", "__ns:=/car", "-r", "drive:=/wheel/drive")
NO_DAEMON = ("--no-daemon", "--spin-time", "3")

pytestmark = [
    pytest.mark.skipif(shutil.which("ros2") is None, reason="needs a genuine ROS 2: no ros2 on the PATH"),
    pytest.mark.skipif(
        os.environ.get("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp") != "rmw_cyclonedds_cpp",
        reason="confines ROS 2 to loopback, for which it must use rmw_cyclonedds_cpp",
    ),
]


@pytest.fixture(autouse=True)
def cyclone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The middleware whose configuration the tests know."""
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp")


@pytest.fixture
def ros2(domain: int) -> Any:
    """Runs ``ros2 ARGUMENTS...`` to its end and returns what it printed; it must not warn."""

    def run(*arguments: str) -> str:
        done = subprocess.run(["ros2", *arguments], capture_output=True, text=True, timeout=40, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warn" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def component(start: Any) -> Any:
    """The component /car/brightness, running on the DDS host; it must warn of nothing but that it gets no images."""
    process = start(DDS / "brightness.py", *CAR)
    process.wait_for("ready")
    yield process
    process.signal(signal.SIGTERM)
    assert process.end() == 0
    warnings = [line for line in process.said if "WARN" in line or "ERROR" in line]
    assert not [line for line in warnings if "nothing received on image" not in line]


@pytest.mark.usefixtures("component")
def test_nodes_and_topics_are_listed_as_any_others(ros2: Any) -> None:
    assert ros2("node", "list", *NO_DAEMON).split() == ["/car/brightness"]
    topics = ros2("topic", "list", "-t", *NO_DAEMON).splitlines()
    assert {f"/wheel/drive [{DRIVE}]", f"/car/image [{IMAGE}]", f"/car/hello [{STRING}]"} <= set(topics)
    drive = ros2("topic", "info", "-v", "/wheel/drive", *NO_DAEMON)
    for line in (
        f"Type: {DRIVE}",
        "Node name: brightness",
        "Node namespace: /car",
        f"Topic type hash: {type_hash(DRIVE)}",
        "Endpoint type: PUBLISHER",
        "Reliability: RELIABLE",
        "History (Depth): KEEP_LAST (10)",
        "Durability: VOLATILE",
    ):
        assert line in drive
    image = ros2("topic", "info", "-v", "/car/image", *NO_DAEMON)
    assert "Endpoint type: SUBSCRIPTION" in image
    assert "Reliability: BEST_EFFORT" in image
    node = ros2("node", "info", "/car/brightness", *NO_DAEMON)
    assert f"/car/image: {IMAGE}" in node
    assert f"/wheel/drive: {DRIVE}" in node


@pytest.mark.usefixtures("component")
def test_ros2_topic_echo_and_hz_hear_it(ros2: Any, start: Any) -> None:
    assert "brightness: Frequency Status" in ros2("topic", "echo", "--once", "/diagnostics", *NO_DAEMON)
    latched = ("--qos-durability", "transient_local", "--qos-reliability", "reliable")
    assert "configured" in ros2("topic", "echo", "--once", "/car/hello", *latched, *NO_DAEMON)
    hz = start("topic", "hz", "/car/tick", program=["ros2"])
    assert float(hz.wait_for("average rate").split(":")[1]) == pytest.approx(1.0, rel=0.1)


def test_ros2_topic_pub_reaches_it(component: Any, ros2: Any, participant: Participant, eventually: Any) -> None:
    said: list[str] = []
    participant.node("tester").subscription(
        "/car/hello", STRING, LATCHED, lambda data, _: said.append(cdr.deserialize(data, STRING).data)
    )
    latched = ("--qos-durability", "transient_local", "--qos-reliability", "reliable")
    ros2("topic", "pub", "--once", "-w", "1", *latched, "/car/who", STRING, "{data: Jazzy}")
    eventually(lambda: "hello Jazzy" in said)


def test_convoy_sees_ros_nodes_by_name(participant: Participant, start: Any, eventually: Any) -> None:
    start("topic", "pub", "-r", "10", "-n", "genuine", "/chat", STRING, "{data: hi}", program=["ros2"])
    discovery = participant.discovery
    eventually(lambda: "/genuine" in discovery.nodes())
    eventually(lambda: any(end.topic == "/chat" and end.node for end in discovery.endpoints()))
    (chat,) = (end for end in discovery.endpoints() if end.topic == "/chat")
    assert (chat.kind, chat.node, chat.type_name, chat.type_hash) == (
        "publisher",
        "/genuine",
        STRING,
        type_hash(STRING),
    )


@pytest.mark.parametrize("peer_range", ["LOCALHOST", "SUBNET"])
def test_a_localhost_range_is_enough_for_both_to_find_each_other(
    domain: int, ros2: Any, start: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any, peer_range: str
) -> None:
    monkeypatch.delenv("CYCLONEDDS_URI")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", peer_range)
    start(DDS / "brightness.py", *CAR).wait_for("ready")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    start("topic", "pub", "-r", "1", "-n", "genuine", "/chat", STRING, "{data: hi}", program=["ros2"])
    with Participant(domain) as late:
        eventually(lambda: {"/genuine", "/car/brightness"} <= set(late.discovery.nodes()))
    assert {"/genuine", "/car/brightness"} <= set(ros2("node", "list", *NO_DAEMON).split())


def test_a_ros_peer_that_does_not_match_is_told_by_name(start: Any) -> None:
    process = start(DDS / "brightness.py", *CAR, "-p", "qos_overrides./wheel/drive.publisher.reliability:=best_effort")
    process.wait_for("ready")
    start("topic", "echo", "/wheel/drive", DRIVE, "--qos-reliability", "reliable", program=["ros2"])
    assert "offered best_effort, requested reliable" in process.wait_for("/_ros2cli_")


@pytest.mark.usefixtures("component")
def test_ros2_bag_plays_to_it_and_records_it_and_its_answers_are_those_of_the_in_process_executor(
    start: Any, ros2: Any, tmp_path: Path
) -> None:
    images = runpy.run_path(str(DDS / "pictures.py"))["pictures"]()
    with BagWriter(tmp_path / "images") as bag:
        bag.add_topic("/car/image", IMAGE)
        for stamp, data in images:
            bag.write("/car/image", stamp, data)
    expected = runpy.run_path(str(DDS / "test_host.py"))["answers_in_process"]()
    assert "Messages:          40" in ros2("bag", "info", str(tmp_path / "images"))

    recorder = start("bag", "record", "-o", tmp_path / "answers", "/wheel/drive", program=["ros2"])
    recorder.wait_for("Subscribed to topic '/wheel/drive'")
    time.sleep(1.0)
    ros2("bag", "play", str(tmp_path / "images"), "--rate", "0.5", "--wait-for-all-acked", "2000", "--delay", "1")
    time.sleep(0.5)
    recorder.signal(signal.SIGINT)
    recorder.end()
    assert not [line for line in recorder.said if "WARN" in line or "ERROR" in line]
    with BagReader(tmp_path / "answers") as bag:
        answers = [bytes(record.data) for record in bag.messages()]
    assert answers == [answer for answer in expected if answer in answers]
    # The player may hurry through its first images, and a live component then skips one.
    assert len(answers) >= len(expected) - 2


def test_images_of_full_hd_go_both_ways(participant: Participant, start: Any, eventually: Any, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    start(relay, program=["python3", "-u"]).wait_for("ready")
    node = participant.node("tester")
    got: list[bytes] = []
    publisher = node.publisher("/in", IMAGE, DEFAULT)
    subscription = node.subscription("/out", IMAGE, DEFAULT, lambda data, _: got.append(bytes(data)))
    eventually(lambda: publisher.matched() and subscription.matched())
    pixels = np.random.default_rng(0).integers(0, 255, 1920 * 1080 * 3, np.uint8)
    image = cdr.serialize(make(Image, height=1080, width=1920, encoding="bgr8", step=5760, data=pixels))
    publisher.write(image)
    eventually(lambda: got)
    assert got[0] == bytes(image)


RELAY = """
import rclpy
from sensor_msgs.msg import Image

rclpy.init()
node = rclpy.create_node("relay")
publisher = node.create_publisher(Image, "out", 10)
node.create_subscription(Image, "in", publisher.publish, 10)
print("ready")
rclpy.spin(node)
"""
