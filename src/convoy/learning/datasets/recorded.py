"""Data sets that `record` has made."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from convoy.interfaces.camera_info_file import read_camera_info
from convoy.interfaces.camera_model import CameraInfoError
from convoy.learning.datasets.classes import CLASSES_FILE, ClassTable
from convoy.learning.datasets.pictures import numbered, read_depth, read_instances, read_mask, read_rgb, same_size
from convoy.learning.datasets.poses import read_listing, read_trajectory
from convoy.learning.datasets.recipe import RECIPE_FILE, read_recipe
from convoy.learning.datasets.recorder import ANNOTATIONS_FILE, LICENCE
from convoy.learning.datasets.sample import Array, Sample
from convoy.learning.datasets.sample_list import SampleList
from convoy.learning.errors import LearningError


def is_recorded(folder: Path) -> bool:
    """Whether a folder is one that `record` has begun."""
    return (folder / RECIPE_FILE).is_file()


def open_recorded(folder: Path, name: str, want: Collection[str]) -> SampleList:
    """Open a folder that `record` has made.

    Raises:
        LearningError: it is not whole, or damaged.
    """
    recipe, table = read_recipe(folder / RECIPE_FILE), ClassTable.read(folder / CLASSES_FILE)
    if not (folder / ANNOTATIONS_FILE).is_file():
        raise LearningError(f"{folder} is not whole; call `convoy dataset record` again as it was begun.")
    poses = _poses(folder)
    shared = _Shared(folder, table, _intrinsics(folder), float(recipe["stereo"]), frozenset(want))
    readers = []
    try:
        found = json.loads((folder / ANNOTATIONS_FILE).read_text())
        boxes: Mapping[int, list[dict[str, Any]]] = defaultdict(list)
        for row in found["annotations"]:
            boxes[row["image_id"]].append(row)
        for image in found["images"]:
            file, rows = image["file_name"], boxes[image["id"]]
            corners = np.array([row["bbox"] for row in rows], np.float32).reshape(-1, 4)
            corners[:, 2:] += corners[:, :2]
            labels = np.array([row["category_id"] for row in rows], np.int64)
            numbers = np.array([row["instance"] for row in rows], np.int64)
            readers.append(partial(_read, shared, file, corners, labels, numbers, poses.get(file)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LearningError(f"{folder / ANNOTATIONS_FILE} is damaged: {error!r}.") from None
    return SampleList(name, LICENCE, table, tuple(readers))


@dataclass(frozen=True, eq=False)
class _Shared:
    """What all samples of a set have in common."""

    folder: Path
    table: ClassTable
    camera: Array
    baseline_m: float
    want: frozenset[str]


def _read(set_: _Shared, file: str, boxes: Array, labels: Array, numbers: Array, pose: Array | None) -> Sample:
    folder, want, png = set_.folder, set_.want, Path(file).with_suffix(".png").name
    image = read_rgb(folder / "images" / file)
    parts: dict[str, Any] = {}
    if "boxes" in want:
        parts |= {"boxes": boxes.copy(), "labels": labels.copy()}
    if "mask" in want:
        path = folder / "masks" / png
        mask = read_mask(path, numbered(len(set_.table.names)), set_.table.colours)
        parts["mask"] = same_size(path, mask, image)
    if "instances" in want:
        path = folder / "instances" / png
        parts["instances"] = same_size(path, read_instances(path), image)
        parts |= {"instance_ids": numbers.copy()} if "boxes" in want else {}
    if "depth" in want:
        path = folder / "depth" / png
        depth = same_size(path, read_depth(path), image)
        parts["depth"] = np.where(
            depth > 0, depth, np.float32(np.inf)
        )  # all is known that is near enough to be written
    if set_.baseline_m and "right" in want:
        path = folder / "right" / file
        parts |= {"right": same_size(path, read_rgb(path), image), "baseline_m": set_.baseline_m}
    if "pose" in want and pose is not None:
        parts["pose"] = pose.copy()
    return Sample(Path(file).stem, image, camera=set_.camera.copy(), **parts)


def _intrinsics(folder: Path) -> Array:
    try:
        info, _ = read_camera_info(folder / "camera_info.yaml")
    except CameraInfoError as error:
        raise LearningError(str(error)) from None
    return np.array(info.k, np.float64).reshape(3, 3)


def _poses(folder: Path) -> dict[str, Array]:
    by_stamp = dict(read_trajectory(folder / "groundtruth.txt"))
    poses = {}
    for stamp, file in read_listing(folder / "rgb.txt"):
        pose = by_stamp.get(stamp)
        if isinstance(pose, LearningError):
            raise pose
        if pose is not None:
            poses[Path(file).name] = pose
    return poses
