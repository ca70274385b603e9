"""Drives recorded by other programs: camera images with what the human did, and how they become a bag."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convoy.bags.errors import BagError, BagWarning
from convoy.bags.qos import QosProfile
from convoy.bags.writer import BagWriter
from convoy.interfaces import cdr
from convoy.interfaces.messages import (
    NANOSECONDS,
    AckermannDrive,
    AckermannDriveStamped,
    CompressedImage,
    Header,
    make,
    time,
    type_name,
)

IMAGE_TOPIC = "/camera/image_raw/compressed"
LEFT_IMAGE_TOPIC = "/camera_left/image_raw/compressed"
RIGHT_IMAGE_TOPIC = "/camera_right/image_raw/compressed"
DRIVE_TOPIC = "/drive"

_QOS = QosProfile(depth=5)
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_JPEG_TAIL = 64
"""Some cameras pad their images, so the end marker is searched in that many last bytes."""
_NAMED = 5
"""So many skipped records are named in the warning."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment of a drive."""

    source: str
    """Where it is written down, ``FILE:ROW``."""
    stamp_ns: int
    image: Path
    """JPEG of the front camera."""
    steering_angle: float
    """rad, left positive."""
    speed: float
    """m/s, forward positive."""
    left: Path | None = None
    right: Path | None = None


@dataclass(frozen=True)
class Recording:
    """A drive, in its own order."""

    path: Path
    samples: list[Sample]
    skipped: list[str]
    """What could not be read: ``FILE:ROW``, and why."""

    def __post_init__(self) -> None:
        if not self.samples:
            raise BagError(f"{self.path} has no record that can be read; {self._named() or 'it is empty'}.")
        if self.skipped:
            total = len(self.skipped) + len(self.samples)
            line = f"{self.path}: {len(self.skipped)} of {total} records are skipped; {self._named()}"
            warnings.warn(line, BagWarning, stacklevel=3)

    def _named(self) -> str:
        more = len(self.skipped) - _NAMED
        return "; ".join(self.skipped[:_NAMED]) + (f"; and {more} more" if more > 0 else "")


def check_jpeg(path: Path) -> None:
    """Look whether an image is there, and whole as far as its first and last bytes tell.

    Raises:
        ValueError: it is not, with the reason.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_JPEG_START))
            size = file.seek(0, 2)
            file.seek(max(0, size - _JPEG_TAIL))
            tail = file.read()
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror}") from None
    if start != _JPEG_START:
        raise ValueError(f"{path.name} is {'no JPEG' if size else 'empty'}")
    if _JPEG_END not in tail:
        raise ValueError(f"{path.name} is cut off")


def import_recording(
    recording: Recording, bag: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Make a bag of a recording, with JPEG images and the human's commands, and return the number of messages.

    Args:
        recording: what `read_tub` or `read_udacity` returned.
        bag: where it is to be; see `BagWriter`.
        progress: is told how many samples of how many are done.

    Raises:
        BagError: the stamps go back, an image has gone, or the bag cannot be written.
    """
    before = recording.samples[0]
    for sample in recording.samples:
        if sample.stamp_ns < before.stamp_ns:
            raise BagError(
                f"The stamps go back by {(before.stamp_ns - sample.stamp_ns) / NANOSECONDS:.3f} s at {sample.source}"
                f" of {recording.path}, where a bag would change the order. Give a rate (--rate) instead."
            )
        before = sample
    with BagWriter(bag) as writer:
        topics: dict[str, type[Any]] = {IMAGE_TOPIC: CompressedImage, DRIVE_TOPIC: AckermannDriveStamped}
        if any(sample.left for sample in recording.samples):
            topics[LEFT_IMAGE_TOPIC] = CompressedImage
        if any(sample.right for sample in recording.samples):
            topics[RIGHT_IMAGE_TOPIC] = CompressedImage
        for topic, class_ in topics.items():
            writer.add_topic(topic, type_name(class_), _QOS)
        for number, sample in enumerate(recording.samples):
            _write_sample(writer, sample)
            progress(number + 1, len(recording.samples))
        return writer.message_count


def _write_sample(writer: BagWriter, sample: Sample) -> None:
    stamp = time(sample.stamp_ns)
    images = {IMAGE_TOPIC: sample.image, LEFT_IMAGE_TOPIC: sample.left, RIGHT_IMAGE_TOPIC: sample.right}
    for topic, path in images.items():
        if path is None:
            continue
        frame = topic.split("/")[1] + "_optical"
        try:
            jpeg = path.read_bytes()
        except OSError as error:
            raise BagError(f"{path} cannot be read: {error.strerror}.") from None
        image = make(CompressedImage, header=Header(stamp, frame), format="jpeg", data=np.frombuffer(jpeg, np.uint8))
        writer.write(topic, sample.stamp_ns, cdr.serialize(image))
    drive = make(AckermannDrive, steering_angle=sample.steering_angle, speed=sample.speed)
    command = AckermannDriveStamped(Header(stamp, "base_link"), drive)
    writer.write(DRIVE_TOPIC, sample.stamp_ns, cdr.serialize(command))
