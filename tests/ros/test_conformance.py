"""The rclpy host, process by process: a player, the policy, the supervisor and a genuine recorder."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from tests.conformance import golden
from tests.ros.conftest import Ros

from convoy.bags import BagReader

ATTEMPTS = 3
"""A live host keeps the latest frame only, so that a machine that holds it up for 50 ms costs a frame. Not thrice."""


@pytest.fixture(params=["raw", "compressed"])
def golden_bag(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A bag of images."""
    return golden.write_bag(tmp_path / "golden", compressed=request.param == "compressed")


def test_a_golden_bag_in_the_same_bytes_out(ros: Ros, golden_bag: Path, model: Path, tmp_path: Path) -> None:
    nodes = golden.graph(model)
    for attempt in range(ATTEMPTS):
        recorded = golden.results(_play(ros, golden_bag, nodes, tmp_path / f"out{attempt}"), golden_bag)
        lost = golden.missing(recorded, golden_bag, nodes)
        if not lost:
            return
    raise AssertionError(f"{lost} results of {2 * golden.FRAMES} are missing, and some were in each attempt")


def _play(ros: Ros, bag: Path, nodes: list[golden.Node], out: Path) -> list[tuple[str, bytes]]:
    running = [ros.run(node.component, *node.ros_arguments()[1:]) for node in nodes]
    recorder = ros.start("ros2", "bag", "record", "-o", out, "--topics", *golden.RESULTS)
    for _ in golden.RESULTS:
        recorder.wait_for("Subscribed to topic")
    # A genuine player hurries through its first images, of which a live host skips some.
    player = ros.start(sys.executable, "-m", "tests.conformance.player", bag)
    player.wait_for("played")
    for process in (*running, recorder):
        process.signal(signal.SIGINT)
    for process in (*running, recorder):
        process.end()
    with BagReader(out) as reader:
        return [(record.topic, bytes(record.data)) for record in reader.messages()]
