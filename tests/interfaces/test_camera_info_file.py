"""Calibration files: what is written is read back to the bit, what ROS's tools write is read, and faults are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.interfaces.camera_info_file import read_camera_info, write_camera_info
from convoy.interfaces.camera_model import CameraInfoError
from convoy.interfaces.messages import CameraInfo, make

# Laid out as ROS's calibration tools write it, with numbers of its own.
AS_ROS_WRITES_IT = """\
image_width: 640
image_height: 480
camera_name: front
camera_matrix:
  rows: 3
  cols: 3
  data: [430.25, 0, 306.5, 0, 430.5, 227.25, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.33, 0.11, -1e-05, 2.5e-4, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [380.5, 0, 305, 0, 0, 415.25, 225, 0, 0, 0, 1, 0]
"""


def test_a_file_as_ros_writes_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(AS_ROS_WRITES_IT)
    info, name = read_camera_info(path)
    assert (info.width, info.height, info.distortion_model, name) == (640, 480, "plumb_bob", "front")
    assert info.d.tolist() == [-0.33, 0.11, -1e-05, 2.5e-4, 0]
    assert info.k.tolist() == [430.25, 0, 306.5, 0, 430.5, 227.25, 0, 0, 1]
    assert info.p[5] == 415.25


def test_what_is_written_is_read_back_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    numbers = np.random.default_rng(0).normal(size=(4, 12)) * 10.0 ** np.arange(-8, 4)
    k = np.abs(numbers[1, :9]) + 1
    info = make(CameraInfo, width=1920, height=1080, distortion_model="equidistant", d=numbers[0, :4], k=k)
    info.r, info.p = numbers[2, :9], numbers[3]
    write_camera_info(path, info, "left: eye")
    found, name = read_camera_info(path)
    assert (found.width, found.height, found.distortion_model, name) == (1920, 1080, "equidistant", "left: eye")
    for field in "dkrp":
        assert getattr(found, field).tolist() == getattr(info, field).tolist(), field


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda text: text.replace("camera_matrix", "matrix"), "lacks 'camera_matrix'; it has image_width, "),
        (lambda text: text.replace("image_width: 640", "image_width: wide"), "image_width is 'wide'"),
        (
            lambda text: text.replace("[430.25, 0,", "["),
            r"camera_matrix has data \[306.5, .*wanted a list of 9 numbers",
        ),
        (lambda text: text.replace("-0.33", "much"), "distortion_coefficients has data"),
        (lambda text: text.replace("plumb_bob", "pinhole"), "Distortion model 'pinhole' is not known"),
        (lambda text: text.replace("430.25", "0"), "not calibrated"),
        (lambda text: text[: text.index("0.11")], r"is no YAML \(line 12\)"),
        (lambda text: "", "is no calibration"),
        (lambda text: text * 200, "bytes; that is no calibration"),
    ],
)
def test_a_fault_is_named_with_the_file(tmp_path: Path, damage: Callable[[str], str], found: str) -> None:
    path = tmp_path / "front.yaml"
    path.write_text(damage(AS_ROS_WRITES_IT))
    with pytest.raises(CameraInfoError, match=rf"front.yaml.*{found}"):
        read_camera_info(path)


@pytest.mark.parametrize("use", [read_camera_info, lambda path: write_camera_info(path, make(CameraInfo), "camera")])
def test_a_place_that_is_not_there_is_named(tmp_path: Path, use: Callable[[Path], Any]) -> None:
    with pytest.raises(CameraInfoError, match=r"nowhere/camera.yaml cannot be (read|written): No such file"):
        use(tmp_path / "nowhere" / "camera.yaml")
