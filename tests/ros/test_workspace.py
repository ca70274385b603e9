"""``colcon build`` is all that the workspace takes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.ros.conftest import Ros, build

from convoy.components import COMPONENTS
from convoy.interfaces.messages import type_hash


def test_every_component_is_an_executable(ros: Ros) -> None:
    assert ros("pkg", "executables", "convoy_ros").split() == [
        word for name in sorted(COMPONENTS) for word in ("convoy_ros", name)
    ]


@pytest.mark.parametrize("name", ["Gesture", "HandSkeleton"])
def test_ros_and_convoy_agree_on_the_own_messages(ros: Ros, name: str) -> None:
    share = Path(ros("pkg", "prefix", "--share", "convoy_msgs").strip())
    described = json.loads((share / "msg" / f"{name}.json").read_text())
    hashes = {entry["type_name"]: entry["hash_string"] for entry in described["type_hashes"]}
    assert hashes[f"convoy_msgs/msg/{name}"] == type_hash(f"convoy_msgs/msg/{name}")


def test_launch_files_parameters_and_models_lie_side_by_side(ros: Ros, root: Path) -> None:
    share = Path(ros("pkg", "prefix", "--share", "convoy_bringup").strip())
    for folder in ("launch", "config", "models"):
        names = {path.name for path in (root / folder).iterdir()}
        assert {path.name for path in (share / folder).iterdir()} == names


def test_it_builds_with_links_as_well(ros: Ros, root: Path, tmp_path: Path, monkeypatch: Any) -> None:
    packages = ("convoy", "convoy_ros", "convoy_bringup")  # convoy_msgs is there already
    options = ("--symlink-install", "--packages-select", *packages)
    environment = build(root / "ros2_ws" / "src", tmp_path, {"PATH": os.environ["PATH"]}, *options)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    prefix = Path(ros("pkg", "prefix", "convoy_bringup").strip())
    assert prefix == tmp_path / "install" / "convoy_bringup"
    assert (prefix / "share/convoy_bringup/launch/steering.launch.yaml").resolve().is_relative_to(root)
    ros.start("python3", "-c", "import convoy; print(convoy.__file__)").wait_for(str(tmp_path))
    assert "supervisor" in ros("pkg", "executables", "convoy_ros")
