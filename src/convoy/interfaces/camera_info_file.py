"""Calibration files: the YAML of ROS's camera_calibration_parsers, which camera_info_manager and drivers read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from convoy.interfaces.camera_model import CameraInfoError, CameraModel
from convoy.interfaces.messages import CameraInfo, make

_MAX_BYTES = 1 << 16
"""A calibration takes one or two kilobytes; what is larger is another kind of file."""


def write_camera_info(path: Path | str, info: Any, camera_name: str) -> None:
    """Write a ``sensor_msgs/CameraInfo``; its header, binning and region of interest are not kept.

    Raises:
        CameraInfoError: the file can't be written.
    """
    lines = [f"image_width: {info.width}", f"image_height: {info.height}"]
    lines += [yaml.safe_dump({"camera_name": camera_name}, allow_unicode=True).rstrip()]
    for name, rows, values in (
        ("camera_matrix", 3, info.k),
        ("distortion_coefficients", 1, info.d),
        ("rectification_matrix", 3, info.r),
        ("projection_matrix", 3, info.p),
    ):
        if name == "distortion_coefficients":
            lines += [f"distortion_model: {info.distortion_model}"]
        data = yaml.safe_dump([float(value) for value in values], default_flow_style=True, width=math.inf).rstrip()
        lines += [f"{name}:", f"  rows: {rows}", f"  cols: {len(values) // rows}", f"  data: {data}"]
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise CameraInfoError(f"{path} cannot be written: {error.strerror}.") from None


def read_camera_info(path: Path | str) -> tuple[Any, str]:
    """Read a calibration file: a ``sensor_msgs/CameraInfo`` with an empty header, and the name of the camera.

    Raises:
        CameraInfoError: the file is missing or damaged, lacks a field, or holds no calibration that convoy can use.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CameraInfoError(f"{path} has {path.stat().st_size} bytes; that is no calibration of a camera.")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CameraInfoError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise CameraInfoError(f"{path} is no YAML{where}: {getattr(error, 'problem', error)}.") from None
    if not isinstance(found, dict):
        raise CameraInfoError(f"{path} is no calibration: wanted fields such as 'image_width' and 'camera_matrix'.")
    info = make(
        CameraInfo,
        width=_size(path, found, "image_width"),
        height=_size(path, found, "image_height"),
        distortion_model=str(_field(path, found, "distortion_model")),
        d=_matrix(path, found, "distortion_coefficients", None),
        k=_matrix(path, found, "camera_matrix", 9),
        r=_matrix(path, found, "rectification_matrix", 9),
        p=_matrix(path, found, "projection_matrix", 12),
    )
    try:
        CameraModel.read(info)
    except CameraInfoError as error:
        raise CameraInfoError(f"{path}: {error}") from None
    return info, str(found.get("camera_name", ""))


def _field(path: Path, found: dict[Any, Any], name: str) -> Any:
    if name not in found:
        raise CameraInfoError(f"{path} lacks {name!r}; it has {', '.join(map(str, found)) or 'nothing'}.")
    return found[name]


def _size(path: Path, found: dict[Any, Any], name: str) -> int:
    value = _field(path, found, name)
    if type(value) is not int or not 0 < value < 1 << 16:
        raise CameraInfoError(f"{path}: {name} is {value!r}, wanted a number of pixels.")
    return value


def _matrix(path: Path, found: dict[Any, Any], name: str, count: int | None) -> np.ndarray:
    field = _field(path, found, name)
    data = field.get("data") if isinstance(field, dict) else None
    try:
        # YAML 1.1, which is read here, takes 1e-05 for a text; yaml-cpp, which ROS uses, does not, and writes it.
        values = [float(value) for value in data] if isinstance(data, list) else None
    except (TypeError, ValueError):
        values = None
    if values is None or (count is not None and len(values) != count):
        wanted = f"{count} numbers" if count else "numbers"
        raise CameraInfoError(f"{path}: {name} has data {data!r}, wanted a list of {wanted}.")
    return np.array(values, np.float64)
