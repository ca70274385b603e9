"""Bags as data sets: a camera's pictures, and the truth that was recorded with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from convoy.bags import BagReader
from convoy.interfaces.images import CameraImage, ImageError, decode
from convoy.learning.datasets.bag_truth import (
    Place,
    choose_pictures,
    class_table,
    find_places,
    match,
    mounting,
    near_enough_ns,
    read_message,
    truth_topics,
)
from convoy.learning.datasets.classes import ClassTable
from convoy.learning.datasets.pictures import metres
from convoy.learning.datasets.poses import checked_pose, matrix_of_pose, pose_of_matrix
from convoy.learning.datasets.rgbd import blocks
from convoy.learning.datasets.sample import VOID, Array, Sample
from convoy.learning.datasets.sample_list import SampleList
from convoy.learning.errors import LearningError
from convoy.learning.recordings import licence_of


@dataclass(frozen=True, eq=False)
class _Bag:
    """What all samples of a bag have in common."""

    reader: BagReader
    table: ClassTable
    numbers: Array
    mounted: Array
    baseline_m: float


def open_bag(path: Path, topic: str, name: str, want: frozenset[str]) -> SampleList:
    """Open a bag: the pictures of a topic (the only one, where none is named), and the truth beside them.

    For ``/camera/image_raw`` that is, of the same stamp: ``/camera/segmentation`` with ``/camera/label_info``,
    ``/camera/instances``, ``/camera/depth/image`` (metres, or ``image_raw`` in millimetres), ``/camera/detections``
    (clipped to the picture), ``/camera/camera_info``, and ``/camera_right/image_raw``, the right picture of a stereo
    pair. A pose is that of ``ground_truth/pose``: the camera's, or where ``tf_static`` says how the camera is mounted,
    base_link's. The parts "train" and "val" are blocks of successive frames, as of `open_rgbd`.

    Raises:
        BagError: it is no bag.
        LearningError: it has no such pictures, or several cameras' and none is named.
    """
    reader = BagReader(path)
    pictures = choose_pictures(reader, topic)
    topics = truth_topics(reader, pictures)
    places = find_places(reader, {"picture": pictures, **topics})
    table, numbers = class_table(reader, places)
    first = read_message(reader, places["picture"][0])
    pair = [read_message(reader, places[part][0]) for part in ("right_camera",) if part in places]
    baseline_m = max((-float(info.p[3]) / float(info.p[0]) for info in pair if info.p[0]), default=0.0)
    bag = _Bag(reader, table, numbers, mounting(reader, first.header.frame_id), baseline_m)
    parts = [part for part in topics if part in want or part == "camera"]
    readers = tuple(
        partial(
            _read,
            bag,
            place,
            {p: found for p in parts if (found := match(places[p], place.stamp_ns, near_enough_ns(p))) is not None},
        )
        for place in places["picture"]
    )
    return SampleList(name, licence_of(path), table, readers, parts=blocks(len(readers)))


def _read(bag: _Bag, place: Place, beside: Mapping[str, Place]) -> Sample:
    messages = {part: read_message(bag.reader, found) for part, found in beside.items()}
    image = _rgb(bag, place, read_message(bag.reader, place))
    parts: dict[str, Any] = {}
    for part, message in messages.items():
        where = f"{bag.reader.path}: {beside[part].topic} at {beside[part].stamp_ns} ns"
        if part == "boxes":
            parts |= _boxes(where, message, bag.table, image)
        elif part == "pose":
            parts["pose"] = _pose(where, message, bag.mounted)
        elif part == "camera":
            parts |= {"camera": _intrinsics(message)}
        elif part == "right":
            parts |= {"right": _rgb(bag, beside[part], message), "baseline_m": bag.baseline_m}
        else:
            parts[part] = _pixels(where, part, message, bag.numbers, image)
    if parts.get("instances") is None:
        parts.pop("instance_ids", None)
    return Sample(str(place.stamp_ns), image, **parts)


def _picture(where: str, message: Any) -> CameraImage:
    try:
        return decode(message)
    except ImageError as error:
        raise LearningError(f"{where}: {error}") from None


def _rgb(bag: _Bag, place: Place, message: Any) -> Array:
    where = f"{bag.reader.path}: {place.topic} at {place.stamp_ns} ns"
    try:
        return np.require(_picture(where, message).to("rgb8"), requirements="W")
    except ImageError as error:
        raise LearningError(f"{where}: {error}") from None


def _pixels(where: str, part: str, message: Any, numbers: Array, image: Array) -> Array:
    picture = _picture(where, message)
    pixels, encoding = picture.pixels, picture.encoding
    if pixels.shape != image.shape[:2]:
        raise LearningError(f"{where}: it is of shape {pixels.shape}, its picture of {image.shape[:2]}.")
    if part == "depth" and encoding == "32FC1":
        return np.where(
            pixels > 0, pixels, np.float32(0.0)
        )  # REP-118: NaN is invalid, +inf beyond what can be measured
    if part == "depth" and encoding == "16UC1":
        return metres(pixels)
    if part == "instances" and encoding in ("16UC1", "mono8", "8UC1"):
        return pixels.astype(np.uint16)
    if part == "mask" and encoding in ("mono8", "8UC1"):
        found = numbers[pixels]
        if found.min() < 0:
            unknown = np.unique(pixels[found < 0]).tolist()
            raise LearningError(
                f"{where}: the numbers {', '.join(map(str, unknown))} are of no class (void is {VOID})."
            )
        return found.astype(np.uint8)
    raise LearningError(f"{where}: a picture of {encoding} is no {part}.")


def _boxes(where: str, message: Any, table: ClassTable, image: Array) -> dict[str, Array]:
    height, width = image.shape[:2]
    boxes, labels, numbers = [], [], []
    for row in message.detections:
        if not row.results:
            continue
        centre, size = row.bbox.center.position, np.array([row.bbox.size_x, row.bbox.size_y])
        corner = np.array([centre.x, centre.y]) - size / 2
        box = np.concatenate([corner, corner + size])
        if not np.isfinite(box).all():
            raise LearningError(f"{where}: a box is {box.tolist()}.")
        box = box.clip(0, [width, height, width, height])
        if (box[2:] > box[:2]).all():
            boxes.append(box)
            labels.append(table.names.index(row.results[0].hypothesis.class_id))
            numbers.append(int(row.id) if row.id.isdecimal() else 0)
    return {
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "labels": np.array(labels, np.int64),
        "instance_ids": np.array(numbers, np.int64),
    }


def _pose(where: str, message: Any, mounted: Array) -> Array:
    pose = getattr(message.pose, "pose", message.pose)
    p, q = pose.position, pose.orientation
    return pose_of_matrix(matrix_of_pose(checked_pose(where, (p.x, p.y, p.z, q.x, q.y, q.z, q.w))) @ mounted)


def _intrinsics(info: Any) -> Array | None:
    """K of a pinhole camera; None of a fisheye, and of one that is not calibrated."""
    if info.distortion_model == "equidistant" or info.k[0] == 0:
        return None
    return np.array(info.k, np.float64).reshape(3, 3)
