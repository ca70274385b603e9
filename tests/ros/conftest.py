"""A genuine ROS 2, found through the environment, with the workspace built by its colcon."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance import golden
from tests.hosts.dds.conftest import Process

PATIENCE_S = 60
NEEDED = "rclpy, cv2, numpy, onnxruntime, pydantic, rosbags, serial, simplejpeg, starlette"
LOOKS_AROUND_S = {"lifecycle": 0.2, "param": 0.2, "node": 1.0, "topic": 1.0}
"""How long a command listens for the graph: until it sees one node, or until it has seen all."""
NOT_SEEN_YET = ("Node not found", "Unable to find node", "Unknown topic", "does not appear to be published yet")


class Ros:
    """Runs ``ros2`` in a domain of the test's own, on this machine alone."""

    def __init__(self) -> None:
        self._processes: list[Process] = []

    def __call__(self, *arguments: object, fails: bool = False) -> str:
        """Run ``ros2 ARGUMENTS...`` to its end, and return all that it printed.

        Of the commands that ask about a node, ``lifecycle set`` and ``param set`` succeed even where the node refuses.
        """
        command = ["ros2", *map(str, arguments)]
        if command[1] in LOOKS_AROUND_S and command[2] != "pub":
            command += ["--no-daemon", "--spin-time", str(LOOKS_AROUND_S[command[1]])]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            said = done.stdout + done.stderr
            if not any(words in said for words in NOT_SEEN_YET) or time.monotonic() > deadline:
                break
        assert bool(done.returncode) == fails, said
        assert "Traceback" not in said
        return said

    def start(self, *command: object) -> Process:
        """Start a command; it ends with the test."""
        self._processes.append(Process([str(part) for part in command]))
        return self._processes[-1]

    def run(self, component: str, *ros_arguments: object) -> Process:
        """Start a component with ``ros2 run``, and wait until it is active."""
        process = self.start("ros2", "run", "convoy_ros", component, "--ros-args", *ros_arguments)
        process.wait_for("activate: done")
        return process

    def wait_for_node(self, name: str) -> None:
        """Wait until a node of that name is there."""
        deadline = time.monotonic() + PATIENCE_S
        while name not in self("node", "list", "-a").split():
            assert time.monotonic() < deadline, f"no node {name}"

    def wait_for_listener(self, topic: str) -> None:
        """Wait until somebody subscribes to a topic."""
        deadline = time.monotonic() + PATIENCE_S
        while "Subscription count: 0" in self("topic", "info", topic):
            assert time.monotonic() < deadline, f"nobody listens to {topic}"

    def kill(self) -> None:
        """End all that was started."""
        for process in self._processes:
            process.kill()


@pytest.fixture(scope="session")
def workspace(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The workspace, built; returns the environment in which its nodes run."""
    for tool in ("ros2", "colcon"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs a genuine ROS 2: no {tool} on the PATH")
    python = _python()
    return build(root / "ros2_ws" / "src", tmp_path_factory.mktemp("ros2_ws"), {"PATH": f"{python.parent}:{{PATH}}"})


def build(source: Path, folder: Path, changes: dict[str, str], *options: str) -> dict[str, str]:
    """Build packages with colcon, and return the environment that its set-up file makes, with some changes."""
    colcon = ["colcon", "--log-base", folder / "log", "build", "--base-paths", source]
    colcon += ["--build-base", folder / "build", "--install-base", folder / "install", *options]
    done = subprocess.run(colcon, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    command = ["bash", "-c", '. "$0/install/setup.bash" && env -0', folder]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    environment = dict(line.split("=", 1) for line in printed.split("\0") if line)
    return environment | {name: value.format(**environment) for name, value in changes.items()}


def _python() -> Path:
    """Find the interpreter that has both rclpy and what convoy needs: the one on the PATH, or else this one."""
    reason = ""
    for candidate in (shutil.which("python3"), sys.executable):
        tried = subprocess.run([candidate or "", "-c", f"import {NEEDED}"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return Path(candidate or "")
        reason = reason or f"{candidate}: {tried.stderr.strip().splitlines()[-1]}"
    pytest.skip(f"needs one Python with rclpy and convoy's packages, as in ros2_ws/README.md ({reason})")


@pytest.fixture
def ros(workspace: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Ros]:
    """ROS 2 with the workspace."""
    for name, value in workspace.items():
        monkeypatch.setenv(name, value)
    for name in ("ROS_STATIC_PEERS", "ROS_LOCALHOST_ONLY", "CYCLONEDDS_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(random.SystemRandom().randrange(1, 100)))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    ros = Ros()
    yield ros
    ros.kill()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A steering model that needs no training."""
    return golden.write_model(tmp_path_factory.mktemp("model") / "brighter.onnx")
