"""A drive recorded as a rosbag2: an image topic and a topic of AckermannDriveStamped, joined by their stamps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convoy.bags import BagReader
from convoy.interfaces import cdr
from convoy.interfaces.images import decode
from convoy.interfaces.messages import (
    AckermannDriveStamped,
    CameraInfo,
    CompressedImage,
    Image,
    InterfaceError,
    type_name,
)
from convoy.learning.errors import LearningError

_IMAGES = (type_name(Image), type_name(CompressedImage))
_DRIVES = (type_name(AckermannDriveStamped),)
_LONGEST_GAP_NS = 100_000_000
"""An image further than this from the nearest command is left out: nobody steered."""


class BagDrive:
    """The images of a bag that have a command near them; `angles` are the commands', in rad, shape (frames,).

    An empty topic name stands for the only one of its kind. `camera_info` is the calibration that is recorded with
    them, None without one, or with those of several cameras.

    Raises:
        BagError: it is no bag, or lacks a topic that was asked for.
        LearningError: it has no topic of a kind, or several, or not one image with a command.
    """

    def __init__(self, path: Path, image_topic: str = "", drive_topic: str = "") -> None:
        self._bag = BagReader(path)
        self.camera_info = _calibration(self._bag)
        self._images = _choose(self._bag, image_topic, _IMAGES, "--image-topic")
        drives = _choose(self._bag, drive_topic, _DRIVES, "--drive-topic")
        stamps: dict[str, list[int]] = {self._images: [], drives: []}
        angles: list[float] = []
        for record in self._bag.messages([self._images, drives]):
            if record.topic == drives:
                angle = cdr.deserialize(record.data, record.type).drive.steering_angle
                if not math.isfinite(angle):
                    continue
                angles.append(angle)
            stamps[record.topic].append(cdr.header_stamp(record.data, record.type) or record.log_time_ns)
        nearest, gap = _nearest(np.array(stamps[self._images]), np.array(stamps[drives]))
        self._numbers = np.flatnonzero(gap <= _LONGEST_GAP_NS)
        if not self._numbers.size:
            raise LearningError(
                f"{path}: none of {gap.size} images on {self._images} has one of {len(angles)} finite commands on "
                f"{drives} within {_LONGEST_GAP_NS / 1e9} s of its stamp."
            )
        self.angles = np.array(angles, np.float32)[nearest[self._numbers]]

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the images of ascending frame numbers as rgb8, uint8 of shape (H, W, 3).

        Raises:
            LearningError: an image is damaged; names its place.
        """
        wanted = set(self._numbers[list(frames)].tolist())
        for number, record in enumerate(self._bag.messages([self._images])):
            if number in wanted:
                try:
                    yield decode(cdr.deserialize(record.data, record.type)).to("rgb8")
                except InterfaceError as error:
                    raise LearningError(f"{self._bag.path}: message {number} of {self._images}: {error}") from None


def _calibration(bag: BagReader) -> Any:
    topics = [topic.name for topic in bag.topics.values() if topic.type == type_name(CameraInfo) and topic.count]
    return bag.deserialize(next(bag.messages(topics))) if len(topics) == 1 else None


def _choose(bag: BagReader, name: str, types: Sequence[str], option: str) -> str:
    kinds = " or ".join(types)
    if name:
        topic = bag.topic(name)
        if topic.type not in types:
            raise LearningError(f"{bag.path}: {name} holds {topic.type}, wanted {kinds}.")
        return name
    found = [topic.name for topic in bag.topics.values() if topic.type in types and topic.count]
    if not found:
        there = ", ".join(f"{topic.name} ({topic.type})" for topic in bag.topics.values())
        raise LearningError(f"{bag.path} has no topic of {kinds}; it has {there}.")
    if len(found) > 1:
        raise LearningError(f"{bag.path} has several topics of {kinds}: {', '.join(found)}; choose with {option}.")
    return found[0]


def _nearest(stamps: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each stamp the number of the nearest of `others`, and how far it is, in ns."""
    order = np.argsort(others, kind="stable")
    if not others.size:
        return np.zeros_like(stamps), np.full_like(stamps, np.iinfo(np.int64).max)
    after = np.searchsorted(others[order], stamps).clip(max=others.size - 1)
    before = (after - 1).clip(min=0)
    after_gap, before_gap = (np.abs(others[order][place] - stamps) for place in (after, before))
    nearest = np.where(before_gap < after_gap, before, after)
    return order[nearest], np.minimum(before_gap, after_gap)
