"""Which topics of a bag belong to a camera's pictures, and where their messages lie."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convoy.bags import BagReader
from convoy.interfaces import cdr
from convoy.interfaces.messages import CompressedImage, Image, InterfaceError, type_name
from convoy.learning.datasets.classes import ClassTable, simulated
from convoy.learning.datasets.pictures import numbered
from convoy.learning.datasets.poses import checked_pose, matrix_of_pose
from convoy.learning.datasets.sample import VOID, Array
from convoy.learning.errors import LearningError

_PICTURES = (type_name(Image), type_name(CompressedImage))
_PICTURE_NAMES = ("image_raw", "image", "image_rect", "image_color")
_POSES = ("geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/PoseWithCovarianceStamped")
_SAME_TIME_NS = 20_000_000
_BASE = "base_link"

BESIDE = {
    "mask": ("segmentation",),
    "instances": ("instances",),
    "depth": ("depth/image", "depth/image_raw"),
    "boxes": ("detections",),
    "camera": ("camera_info",),
    "labels": ("label_info",),
}
"""Names of topics in the pictures' namespace."""


@dataclass(frozen=True)
class Place:
    """Where a message lies in the bag."""

    topic: str
    log_time_ns: int
    stamp_ns: int


def choose_pictures(bag: BagReader, topic: str) -> str:
    """The topic of pictures that is meant: the one named, or the only one, or the left one of a pair.

    Raises:
        BagError: it has no topic of the name.
        LearningError: that is not of pictures, or there is none, or several.
    """
    if topic:
        if bag.topic(topic).type not in _PICTURES:
            raise LearningError(f"{bag.path}: {topic} holds {bag.topic(topic).type}, wanted {' or '.join(_PICTURES)}.")
        return topic
    found = [entry.name for entry in bag.topics.values() if entry.type in _PICTURES and entry.count]
    pictures = [name for name in found if _is_picture(name)] or found
    rights = {_right(name) for name in pictures}
    pictures = [name for name in pictures if name not in rights]
    if len(pictures) != 1:
        there = ", ".join(pictures) or "none"
        raise LearningError(f"{bag.path}: topics of pictures: {there}; wanted one, name it as in bag:DIR,TOPIC.")
    return pictures[0]


def truth_topics(bag: BagReader, pictures: str) -> dict[str, str]:
    """The topics that say what a topic of pictures shows, by part of the sample."""
    beside = _namespace(pictures)
    topics = {}
    for part, names in BESIDE.items():
        if found := [f"{beside}/{name}" for name in names if f"{beside}/{name}" in bag.topics]:
            topics[part] = found[0]
    if _right(pictures) in bag.topics:
        topics |= {"right": _right(pictures), "right_camera": f"{_namespace(_right(pictures))}/camera_info"}
    for topic in bag.topics.values():
        if topic.name.endswith("ground_truth/pose") and topic.type in _POSES:
            topics["pose"] = topic.name
    return {part: name for part, name in topics.items() if name in bag.topics and bag.topics[name].count}


def find_places(bag: BagReader, topics: Mapping[str, str]) -> dict[str, list[Place]]:
    """Where the messages of each part lie, by stamp."""
    parts = {topic: part for part, topic in topics.items()}
    places: dict[str, list[Place]] = {part: [] for part in topics}
    for record in bag.messages(parts):
        stamp = cdr.header_stamp(record.data, record.type)
        places[parts[record.topic]].append(Place(record.topic, record.log_time_ns, stamp or record.log_time_ns))
    for found in places.values():
        found.sort(key=lambda place: place.stamp_ns)
    return places


def match(places: Sequence[Place], stamp_ns: int, within_ns: int = 0) -> Place | None:
    """Where the message of a stamp lies, or of the nearest one within so many nanoseconds."""
    at = bisect_left(places, stamp_ns, key=lambda place: place.stamp_ns)
    near = min(places[max(at - 1, 0) : at + 1], key=lambda place: abs(place.stamp_ns - stamp_ns), default=None)
    return near if near is not None and abs(near.stamp_ns - stamp_ns) <= within_ns else None


def read_message(bag: BagReader, place: Place) -> Any:
    """Read a message again.

    Raises:
        LearningError: it is damaged, or gone.
    """
    for record in bag.messages([place.topic], place.log_time_ns, place.log_time_ns + 1):
        try:
            if (cdr.header_stamp(record.data, record.type) or record.log_time_ns) == place.stamp_ns:
                return cdr.deserialize(record.data, record.type)
        except InterfaceError as error:
            raise LearningError(f"{bag.path}: a message on {place.topic} at {place.log_time_ns} ns: {error}") from None
    raise LearningError(f"{bag.path}: the message on {place.topic} at {place.log_time_ns} ns is there no more.")


def class_table(bag: BagReader, places: Mapping[str, Sequence[Place]]) -> tuple[ClassTable, Array]:
    """The classes that a bag speaks of, and which one each number in its masks stands for, see `read_mask`.

    The names are those of its ``label_info``, or, without one, of its detections.
    """
    rows: list[tuple[int, str]] = []
    if labels := places.get("labels"):
        rows = sorted((int(row.class_id), row.class_name) for row in read_message(bag, labels[-1]).class_map)
    boxed = {name for place in places.get("boxes", ()) for name in _names(read_message(bag, place))}
    named = {name for _, name in rows}
    rows += list(enumerate(sorted(boxed - named), 1 + max((number for number, _ in rows), default=-1)))
    names = tuple(name for _, name in rows)
    known = simulated()
    if names == known.names:
        return known, numbered(len(names))
    numbers = numbered(0)
    for index, (number, name) in enumerate(rows):
        if name in named and 0 <= number < VOID:
            numbers[number] = index
    colours = ClassTable.of_names(names).colours
    return ClassTable(names, colours, tuple(n for n, name in enumerate(names) if name in boxed)), numbers


def mounting(bag: BagReader, frame_id: str) -> Array:
    """(4, 4) pose of the camera's frame in base_link, by ``tf_static``; the identity where that does not say it.

    Raises:
        LearningError: its rotation is none.
    """
    for topic in bag.topics.values():
        if not topic.name.endswith("tf_static") or topic.type != "tf2_msgs/msg/TFMessage":
            continue
        for record in bag.messages([topic.name]):
            for row in bag.deserialize(record).transforms:
                if row.header.frame_id.lstrip("/") == _BASE and row.child_frame_id == frame_id:
                    t, q = row.transform.translation, row.transform.rotation
                    where = f"{bag.path}: {frame_id} on {topic.name}"
                    return matrix_of_pose(checked_pose(where, (t.x, t.y, t.z, q.x, q.y, q.z, q.w)))
    return np.eye(4)


def near_enough_ns(part: str) -> int:
    """How far a message's stamp may be from the picture's: a pose and a calibration change little."""
    return _SAME_TIME_NS if part == "pose" else 1 << 62 if part == "camera" else 0


def _names(detections: Any) -> list[str]:
    return [row.results[0].hypothesis.class_id for row in detections.detections if row.results]


def _namespace(topic: str) -> str:
    return topic.removesuffix("/compressed").rpartition("/")[0]


def _right(topic: str) -> str:
    return f"{_namespace(topic)}_right{topic.removeprefix(_namespace(topic))}"


def _is_picture(topic: str) -> bool:
    parts = topic.removesuffix("/compressed").split("/")
    return parts[-1] in _PICTURE_NAMES and "depth" not in parts
