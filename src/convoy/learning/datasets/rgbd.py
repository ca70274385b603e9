"""Folders of colour, depth and poses of a moving camera, as 7-Scenes (Shotton et al. 2013) or TUM RGB-D has them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convoy.interfaces.camera_info_file import read_camera_info
from convoy.interfaces.camera_model import CameraInfoError
from convoy.learning.datasets.classes import ClassTable
from convoy.learning.datasets.faults import Faults, OnMissing
from convoy.learning.datasets.pictures import metres, read_depth, read_millimetres, read_rgb, same_size
from convoy.learning.datasets.poses import read_listing, read_matrix, read_trajectory
from convoy.learning.datasets.sample import Array, Sample
from convoy.learning.datasets.sample_list import Reader, SampleList
from convoy.learning.errors import LearningError
from convoy.learning.recordings import licence_of

BLOCKS, HELD_OUT = 10, (2, 7)
"""A sequence is cut into so many blocks, of which these, counted from 0, are the part "val"."""
GAP = 2
"""Frames of "train" that are left out on either side of a block of "val": neighbours in time are nearly the same."""
SAME_TIME_S = 0.02
KINECT = np.array([(526.5, 0.0, 314.0), (0.0, 526.5, 238.0), (0.0, 0.0, 1.0)])
"""The colour camera of 7-Scenes' Kinect; its depth camera, with 585 pixels about (320, 240), saw the depth pictures."""
_DEPTH_TO_COLOUR = np.array([(0.90, 0.0, 314.0 - 0.90 * 320.0), (0.0, 0.90, 238.0 - 0.90 * 240.0)])


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where one frame lies: a pose is a file of its own, or read already."""

    name: str
    colour: Path
    depth: Path
    pose: Path | Array


def open_rgbd(folder: Path, name: str, want: frozenset[str], missing: OnMissing = "error") -> SampleList:
    """Open a folder of ``frame-000000.color.jpg`` (or png), ``.depth.png``, ``.pose.txt`` ..., or of ``rgb.txt``,
    ``depth.txt`` and ``groundtruth.txt``. Depth is 16-bit millimetres, poses are the camera's in the map.

    Its parts "train" and "val" are blocks of successive frames, apart in time. A ``camera_info.yaml`` in it says what
    the camera is, and that depth is registered to colour; without one, frames of the first kind are a Kinect's as
    7-Scenes used it, and their depth is registered here.

    Raises:
        LearningError: it is neither, or a sample is wrong and was not to be skipped.
    """
    faults = Faults(missing)
    if colours := sorted(folder.glob("frame-*.color.*")):
        frames, camera = _seven_scenes(colours), KINECT
    elif (folder / "rgb.txt").is_file():
        frames, camera = _tum(folder, want, faults), None
    else:
        raise LearningError(f"{folder} has neither frame-000000.color.jpg ... nor rgb.txt.")
    register = camera is not None
    if (folder / "camera_info.yaml").is_file():
        camera, register = _intrinsics(folder / "camera_info.yaml"), False
    readers: list[Reader] = []
    for frame in frames:
        files = [frame.colour, *([frame.depth] if "depth" in want else ())]
        files += [frame.pose] if isinstance(frame.pose, Path) and "pose" in want else []
        if absent := [path for path in files if not path.is_file()]:
            faults.skip(f"{absent[0]} is missing")
            continue
        readers.append(partial(_read, frame, camera, register, want))
    if not readers:
        raise LearningError(f"{folder} holds no frame that can be read.")
    return SampleList(
        name, licence_of(folder), ClassTable((), ()), tuple(readers), faults.report(len(readers)), blocks(len(readers))
    )


def blocks(count: int) -> dict[str, Sequence[int]]:
    """The parts "train" and "val" of a sequence of so many frames."""
    edges = [number * count // BLOCKS for number in range(BLOCKS + 1)]
    val = [number for block in HELD_OUT for number in range(edges[block], edges[block + 1])]
    near = {number + step for number in val for step in range(-GAP, GAP + 1)}
    return {"train": [number for number in range(count) if number not in near], "val": val}


def registered(millimetres: Array, size: tuple[int, int]) -> Array:
    """What a Kinect's depth camera saw, as seen by its colour camera, whose pictures are of `size` (width, height)."""
    return np.asarray(
        cv2.warpAffine(millimetres, _DEPTH_TO_COLOUR, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    )


def _read(frame: _Frame, camera: Array | None, register: bool, want: frozenset[str]) -> Sample:
    image = read_rgb(frame.colour)
    parts: dict[str, Any] = {}
    if "depth" in want and register:
        height, width = image.shape[:2]
        parts["depth"] = metres(registered(read_millimetres(frame.depth), (width, height)))
    elif "depth" in want:
        parts["depth"] = same_size(frame.depth, read_depth(frame.depth), image)
    if "pose" in want:
        parts["pose"] = read_matrix(frame.pose) if isinstance(frame.pose, Path) else frame.pose.copy()
    return Sample(frame.name, image, camera=None if camera is None else camera.copy(), **parts)


def _seven_scenes(colours: Sequence[Path]) -> list[_Frame]:
    frames = []
    for colour in colours:
        stem = colour.name.partition(".")[0]
        frames.append(_Frame(stem, colour, colour.with_name(f"{stem}.depth.png"), colour.with_name(f"{stem}.pose.txt")))
    return frames


def _tum(folder: Path, want: frozenset[str], faults: Faults) -> list[_Frame]:
    colours = read_listing(folder / "rgb.txt")
    depths = sorted(read_listing(folder / "depth.txt")) if "depth" in want else []
    poses = sorted(read_trajectory(folder / "groundtruth.txt"), key=lambda row: row[0]) if "pose" in want else []
    depth_times, pose_times = [row[0] for row in depths], [row[0] for row in poses]
    frames = []
    for stamp, file in colours:
        depth, pose = _nearest(depth_times, stamp), _nearest(pose_times, stamp)
        found = None if pose is None else poses[pose][1]
        if "depth" in want and depth is None:
            faults.skip(f"{folder / 'depth.txt'} has nothing within {SAME_TIME_S} s of {file} at {stamp:.6f}")
        elif "pose" in want and found is None:
            faults.skip(f"{folder / 'groundtruth.txt'} has nothing within {SAME_TIME_S} s of {file} at {stamp:.6f}")
        elif isinstance(found, LearningError):
            faults.skip(str(found))
        else:
            place = folder / depths[depth][1] if depth is not None else folder
            frames.append(_Frame(Path(file).stem, folder / file, place, np.zeros(7) if found is None else found))
    return frames


def _nearest(times: Sequence[float], stamp: float) -> int | None:
    at = bisect_left(times, stamp)
    around = [number for number in (at - 1, at) if 0 <= number < len(times)]
    best = min(around, key=lambda number: abs(times[number] - stamp), default=None)
    return best if best is not None and abs(times[best] - stamp) <= SAME_TIME_S else None


def _intrinsics(path: Path) -> Array:
    try:
        info, _ = read_camera_info(path)
    except CameraInfoError as error:
        raise LearningError(str(error)) from None
    return np.array(info.k, np.float64).reshape(3, 3)
