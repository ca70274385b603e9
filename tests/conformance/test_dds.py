"""The DDS host, process by process: a player, the policy, the supervisor and a recorder on loopback."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from tests.conformance import golden
from tests.hosts.dds.conftest import Process, domain, start

from convoy.bags import BagReader

__all__ = ["domain", "start"]

ATTEMPTS = 2
"""A live host keeps the latest frame only, so that a machine that holds it up for 50 ms costs a frame. Not twice."""


def test_a_golden_bag_in_the_same_bytes_out(
    golden_bag: Path, golden_model: Path, start: Callable[..., Process], tmp_path: Path
) -> None:
    nodes = golden.graph(golden_model)
    for attempt in range(ATTEMPTS):
        recorded = golden.results(_play(golden_bag, nodes, start, tmp_path / f"out{attempt}"), golden_bag)
        lost = golden.missing(recorded, golden_bag, nodes)
        if not lost:
            return
    raise AssertionError(f"{lost} results of {2 * golden.FRAMES} are missing, and some were in each attempt")


def _play(bag: Path, nodes: list[golden.Node], start: Callable[..., Process], out: Path) -> list[tuple[str, bytes]]:
    running = [start("-m", "convoy", "run", node.component, *node.ros_arguments()) for node in nodes]
    running.append(start("-m", "convoy", "bag", "record", *golden.RESULTS, "--out", out))
    player = start("-m", "tests.conformance.player", bag)
    player.wait_for("played")
    for process in running:
        process.signal(signal.SIGINT)
    for process in (*running, player):
        assert process.end() == 0, process.said
    with BagReader(out) as reader:
        return [(record.topic, bytes(record.data)) for record in reader.messages()]
