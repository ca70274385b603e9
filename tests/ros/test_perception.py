"""A perception node under genuine ROS 2: its lists as parameters, and what its console says while nothing comes."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from tests.perception import painted
from tests.ros.conftest import Ros

NODE = "/detector"


@pytest.fixture(scope="module")
def detection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The painted model: it knows nothing, red and green."""
    return painted.write_model(tmp_path_factory.mktemp("painted") / "detection.onnx", "detection")


def classes(ros: Ros) -> str:
    return ros("param", "get", NODE, "classes").partition(": ")[2].strip()


def test_what_is_dumped_is_whole_and_loads_again(ros: Ros, detection: Path, tmp_path: Path) -> None:
    node = ros.run("detector", "-p", f"model:={detection}", "-p", "device:=cpu", "-p", "min_score:=0.4")
    dumped = ros("param", "dump", NODE)
    for line in ("classes: []", "min_score: 0.4", f"model: {detection}", "autostart: true", "max_detections: 100"):
        assert f"\n    {line}\n" in dumped
    node.kill()
    (tmp_path / "dump.yaml").write_text(dumped)
    ros.run("detector", "--params-file", tmp_path / "dump.yaml")
    assert ros("param", "dump", NODE) == dumped


def test_a_list_is_given_emptied_and_given_again(ros: Ros, detection: Path) -> None:
    ros.run("detector", "-p", f"model:={detection}", "-p", "device:=cpu", "-p", "classes:=[]")
    assert classes(ros) == "[]"
    for written, told in (("['red']", "['red']"), ("[]", "[]"), ("['green', 'red']", "['green', 'red']")):
        assert "successful" in ros("param", "set", NODE, "classes", written)
        assert classes(ros) == told
    assert "knows no class 'gren'" in ros("param", "set", NODE, "classes", "['gren']")
    assert "failed" in ros("param", "set", NODE, "classes", "[1]")


def test_the_console_says_that_no_image_comes(ros: Ros, detection: Path) -> None:
    node = ros.run("detector", "-p", f"model:={detection}", "-p", "device:=cpu")
    assert "[WARN]" in node.wait_for("Frequency Status: nothing received on image")


def test_a_launch_argument_can_be_empty(ros: Ros) -> None:
    arguments = ("relocalisation.launch.yaml", "base_frame:=''", "device:=cpu")
    launch = ros.start("ros2", "launch", "convoy_bringup", *arguments)
    launch.wait_for("activate: done")
    assert ros("param", "get", "/relocaliser", "base_frame") == "String value is: \n"


def test_ctrl_c_while_it_is_still_being_loaded_is_no_error(ros: Ros, detection: Path) -> None:
    prefix = next(path for path in os.environ["AMENT_PREFIX_PATH"].split(os.pathsep) if path.endswith("convoy_ros"))
    executable = Path(prefix) / "lib" / "convoy_ros" / "detector"
    loading = (shutil.which("python3"), "-X", "importtime", executable)  # Python itself says what it has loaded
    node = ros.start(*loading, "--ros-args", "-p", f"model:={detection}")
    node.wait_for("convoy.components")
    node.signal(signal.SIGINT)
    assert node.end() == 0
    assert not [line for line in node.said if "Traceback" in line or "model painted" in line]
