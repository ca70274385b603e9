"""``convoy launch`` with real nodes, each a process of its own over DDS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]

# Confined to this machine, in a domain that no other test uses.
ENVIRONMENT = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": "93"}
PATIENCE_S = 60.0


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "convoy", "launch", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )


def end(launch: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = launch.communicate(timeout=PATIENCE_S)
    return launch.returncode, output


def test_nodes_run_until_ctrl_c_with_their_names_in_front(write: Write) -> None:
    pytest.importorskip("cyclonedds", reason="needs the package cyclonedds, which not every platform has")
    path = write("""
        launch:
          - arg: {name: speed}
          - node:
              pkg: convoy_ros
              exec: supervisor
              name: front
              namespace: robot
              param: [{name: max_speed, value: $(var speed)}]
          - node: {pkg: convoy_ros, exec: supervisor}
    """)
    launch = start(path, "speed:=2.5")
    assert launch.stdout is not None
    lines = []
    while sum("runs in domain 93" in line for line in lines) < 2:
        lines.append(launch.stdout.readline())
        assert lines[-1], "".join(lines)
    launch.send_signal(signal.SIGINT)
    code, output = end(launch)
    output = "".join(lines) + output
    assert code == 0, output
    assert "[robot/front] [INFO] " in output
    assert "/robot/front runs in domain 93" in output
    assert "[supervisor] [INFO] " in output
    assert "[launch] stopping\n" in output
    assert "still running" not in output


def test_a_node_that_refuses_its_parameter_ends_the_launch_with_its_code(write: Write) -> None:
    path = write("""
        launch:
          - node: {pkg: convoy_ros, exec: supervisor, param: [{name: max_speed, value: -1.0}]}
    """)
    code, output = end(start(path))
    assert code == 1
    assert "[supervisor] convoy: supervisor: parameter 'max_speed' is -1.0, but" in output
    assert "[launch] supervisor has died (exit code 1): " in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("launch:\n  - nod: {}", (), ":2: found 'nod'; supported, nearest first: node, "),
        ("launch:\n  - node: {pkg: joy, exec: joy_node}", (), ":2: /joy_node is of the package 'joy'"),
        (
            "launch:\n  - node: {pkg: convoy_ros, exec: sup}",
            (),
            ":2: convoy_ros has no 'sup'; nearest first: supervisor",
        ),
        ("launch:\n  - arg: {name: speed, default: '1'}", ("sped:=2",), "gives 'sped', which is no argument of"),
        ("launch: []", ("speed",), "Found 'speed' after the launch file; wanted NAME:=VALUE"),
        ("launch: []", (), "starts no node with these arguments"),
    ],
)
def test_a_mistake_is_one_line_and_starts_nothing(
    write: Write, text: str, arguments: tuple[str, ...], message: str
) -> None:
    code, output = end(start(write(text), *arguments))
    assert code == 1
    assert output.startswith("convoy: ")
    assert message in output
    assert output.count("\n") == 1


def test_the_arguments_of_a_launch_file_are_shown(root: Path) -> None:
    code, output = end(start(root / "launch/steering.launch.yaml", "--show-args"))
    assert code == 0
    assert "image:=/camera/image_raw\n    Image topic; " in output
    assert "log_level:=info\n    What is logged, from this level on (debug, info, warn, error, fatal)\n" in output
    assert "model:=$(dirname)/../models/rc_steering.onnx\n" in output
