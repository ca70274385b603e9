"""A genuine ``ros2 launch`` and convoy make the same nodes of the same files.

Runs where ``ros2`` is on the PATH, as it is after sourcing a ROS 2 set-up file. There pytest must be called with
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1, or it loads ROS 2's plug-ins, which want ROS 2's own Python.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convoy.components import COMPONENTS
from convoy.launch import load

pytestmark = pytest.mark.skipif(shutil.which("ros2") is None, reason="needs a genuine ROS 2: ros2 on the PATH")

TOPICS = ("image", "drive", "command", "~/state", "/absolute")
DEFAULTS = {"use_sim_time", "start_type_description_service"}
"""Parameters that rclpy gives every node."""

PROBE = f"""#!/usr/bin/env python3
import json, os, sys
import rclpy
from rclpy.node import Node
rclpy.init(args=sys.argv)
node = Node(os.path.basename(sys.argv[0]), allow_undeclared_parameters=True,
            automatically_declare_parameters_from_overrides=True)
values = {{name: parameter.value for name, parameter in node._parameters.items()}}
parameters = {{name: value.tolist() if hasattr(value, "tolist") else value for name, value in values.items()}}
topics = {{topic: node.resolve_topic_name(topic) for topic in {TOPICS}}}
print("PROBE " + json.dumps([node.get_fully_qualified_name(), parameters, topics]), flush=True)
"""

EVERYTHING = """
launch:
  - arg: {name: speed, default: "0.5"}
  - arg: {name: whole, default: "2"}
  - arg: {name: flag, default: "yes"}
  - arg: {name: text, default: hello world}
  - arg: {name: small, default: 1e-5}
  - arg: {name: unset, default: ""}
  - arg: {name: given, default: "no", choice: [{value: "no"}, {value: really}]}
  - let: {name: here, value: $(dirname)}
  - node:
      pkg: convoy_ros
      exec: steering_policy
      namespace: robot
      output: both
      param:
        - {name: number, value: $(var speed)}
        - {name: quoted, value: "0.5"}
        - {name: flag, value: $(var flag)}
        - {name: written_flag, value: "yes"}
        - {name: text, value: $(var text)}
        - {name: small, value: $(var small)}
        - {name: small_text, value: "1e-5"}
        - {name: letter, value: "y"}
        - {name: octal, value: "010"}
        - {name: date, value: "2026-01-31"}
        - {name: unset, value: $(var unset)}
        - {name: list, value: "[1, $(var whole)]"}
        - {name: joined, value: $(var speed) m/s}
        - {name: as_text, value: $(var speed), type: str}
        - {name: as_float, value: $(var whole), type: float}
        - {name: as_int, value: "$(var whole 1)", type: int}
        - {name: as_bool, value: "$(var flag)", type: bool}
        - {name: floats, value: [1.5, $(var speed)]}
        - {name: strings, value: [a, $(var text)], type: list_of_str}
        - {name: flags, value: [true, false]}
        - {name: given, value: $(var given)}
        - {name: default, value: "$(env CONVOY_ABSENT 'a b')"}
        - {name: escaped, value: '\\$(var x) costs $5'}
        - {name: share, value: $(find-pkg-share convoy_ros)/x}
        - name: nested
          param:
            - {name: x, value: 1}
            - {name: deeper, param: [{name: "$(var given)", value: "on"}]}
      remap:
        - {from: image, to: /camera/image_raw}
        - {from: image, to: /second}
        - {from: drive, to: policy/drive}
        - {from: ~/state, to: state}
  - group:
      - push_ros_namespace: {namespace: a}
      - push-ros-namespace: {namespace: b/}
      - node: {pkg: convoy_ros, exec: supervisor, output: screen, name: one, unless: "0"}
      - node: {pkg: convoy_ros, exec: supervisor, output: screen, name: two, namespace: c, if: " True "}
      - node: {pkg: convoy_ros, exec: supervisor, output: screen, name: three, namespace: /d}
      - node: {pkg: convoy_ros, exec: supervisor, output: screen, name: never, unless: $(var undefined true)}
  - group:
      scoped: false
      children:
        - push_ros_namespace: {namespace: $(var unset)}
        - let: {name: text, value: changed}
  - node:
      pkg: convoy_ros
      exec: supervisor
      output: screen
      name: four
      namespace: ""
      ros_args: --log-level warn -p from_args:=3 -p first:=args
      param:
        - from: $(dirname)/first.param.yaml
        - {name: first, value: inline}
        - {name: text, value: $(var text)}
        - from: $(dirname)/second.param.yaml
  - node:
      pkg: convoy_ros
      exec: supervisor
      output: screen
      param:
        - {name: first, value: inline}
        - from: $(dirname)/second.param.yaml
  - include:
      file: $(dirname)/inner/inner.launch.yaml
      arg: [{name: speed, value: "7.0"}]
  - node:
      pkg: convoy_ros
      exec: supervisor
      output: screen
      name: five
      param:
        - {name: leaked, value: $(var from_inside)}
        - {name: speed, value: $(var speed)}
        - {name: here, value: $(var here)}
"""

INNER = """
launch:
  - arg: {name: speed, default: "1.0"}
  - arg: {name: text, default: inner}
  - let: {name: from_inside, value: $(dirname)}
  - node:
      pkg: convoy_ros
      exec: supervisor
      output: screen
      name: inner
      param: [{name: speed, value: $(var speed)}, {name: text, value: $(var text)}]
"""

FIRST = """
/**: {ros__parameters: {first: file, second: file, third: file, small: 1e-5, nested: {x: 1, y: [1, 2]}}}
/four: {ros__parameters: {exact: [a, b]}}
/**/five: {ros__parameters: {other: 1}}
"""

SECOND = """
/**/four: {ros__parameters: {any_depth: true}}
/*: {ros__parameters: {one_level: 1.0}}
/**: {ros__parameters: {first: second_file, second: second_file}}
"""


def started(nodes: Path, launch_file: Path, *arguments: str) -> dict[str, Any]:
    """Run `ros2 launch` with probes for nodes; return parameters and topics by full name."""
    for name in COMPONENTS:
        executable = nodes / "lib/convoy_ros" / name
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(PROBE)
        executable.chmod(0o755)
    index = nodes / "share/ament_index/resource_index/packages"
    index.mkdir(parents=True)
    (index / "convoy_ros").touch()
    result = subprocess.run(
        ["ros2", "launch", str(launch_file), *arguments],
        env={**os.environ, "ROS_LOG_DIR": str(nodes / "log"), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    probes = [line.partition("PROBE ")[2] for line in result.stdout.splitlines() if "PROBE " in line]
    assert probes, result.stdout + result.stderr
    return {name: (parameters, topics) for name, parameters, topics in map(json.loads, probes)}


def typed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: (type(value).__name__, value) for name, value in sorted(values.items())}


def assert_same(launch_file: Path, nodes: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{nodes}:{os.environ['AMENT_PREFIX_PATH']}")
    there = started(nodes, launch_file, *arguments)
    here = load(launch_file, dict(argument.split(":=", 1) for argument in arguments)).nodes
    assert sorted(there) == sorted(node.name.full for node in here)
    for node in here:
        parameters, topics = there[node.name.full]
        for name in DEFAULTS - set(node.parameters):
            parameters.pop(name, None)
        assert typed(dict(node.parameters)) == typed(parameters), node.name.full
        assert {topic: node.name.topic(topic) for topic in TOPICS} == topics, node.name.full


def test_every_feature(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(INNER, "inner/inner.launch.yaml")
    write(FIRST, "first.param.yaml")
    write(SECOND, "second.param.yaml")
    path = write(EVERYTHING)
    assert_same(path, tmp_path / "prefix", monkeypatch, "given:=really", "text:=from outside")


@pytest.mark.parametrize("arguments", [(), ("namespace:=robot/front", "speed:=2", "use_sim_time:=true", "image:=/cam")])
def test_the_steering_graph(
    arguments: tuple[str, ...], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same(root / "launch/steering.launch.yaml", tmp_path / "prefix", monkeypatch, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("expert:=true",),
        ("expert:=true", "gestures:=true", "operator:=true", "namespace:=car", "town:=1103", "use_sim_time:=true"),
    ],
)
def test_the_driving_graph(
    arguments: tuple[str, ...], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its policy: that is started again whenever it ends, as a probe does."""
    assert_same(root / "launch/drive.launch.yaml", tmp_path / "prefix", monkeypatch, *arguments)
