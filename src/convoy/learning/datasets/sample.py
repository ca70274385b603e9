"""What a data set gives: pictures, each with what is known of it.

A fault in the data is a `convoy.learning.errors.LearningError`, which names the file and, where it has rows, the row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

VOID = 255
"""In masks: no class, which is neither trained with nor measured."""

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture, and what is known of it; what is not known, or was not asked for, is None.

    Boxes count from the upper left corner of the upper left pixel: one over the whole picture is (0, 0, W, H). The
    camera counts from that pixel's middle, as ROS and OpenCV do.

    Attributes:
        name: unique in its data set.
        image: (H, W, 3) uint8, RGB.
        boxes: (N, 4) float32, x0 y0 x1 y1 in pixels, of what is visible of each thing.
        labels: (N,) int64, index of each box's class in `Dataset.classes`.
        mask: (H, W) uint8, index of each pixel's class in `Dataset.classes`, or `VOID`.
        instances: (H, W) uint16, a number for each thing, 0 where there is none.
        instance_ids: (N,) int64, each box's number in `instances`.
        keypoints: (N, P, 3) float32, of each box's thing: x y in pixels, and 1, or 0 where it is not known; by
            `Dataset.points`.
        depth: (H, W) float32, metres along the optical axis; 0 where it is not known, +inf where it is
            known to be farther than can be measured, as the sky is.
        right: (H, W, 3) uint8, the right picture of a rectified stereo pair.
        baseline_m: distance of the two cameras.
        camera: (3, 3) float64, intrinsics K of the pinhole camera.
        pose: (7,) float64, x y z qx qy qz qw of the camera's optical frame in the map.
        category: index in `Dataset.classes` of what the whole picture shows.
    """

    name: str
    image: Array
    boxes: Array | None = None
    labels: Array | None = None
    mask: Array | None = None
    instances: Array | None = None
    instance_ids: Array | None = None
    keypoints: Array | None = None
    depth: Array | None = None
    right: Array | None = None
    baseline_m: float = 0.0
    camera: Array | None = None
    pose: Array | None = None
    category: int | None = None


PARTS = frozenset({"boxes", "mask", "instances", "keypoints", "depth", "right", "pose"})
"""What may be left unread, to save time; labels come with boxes, instance_ids with instances and boxes, keypoints only
with boxes."""


@dataclass(frozen=True)
class Report:
    """What was wrong with a data set, and could be put right or left out.

    Attributes:
        skipped: why samples were left out, a line for each, which names the file.
        of: how many samples the whole set has with these; 0 where nobody counted.
        counts: what was put right, and how often: boxes that were clipped to the picture, for example.
    """

    skipped: tuple[str, ...] = ()
    of: int = 0
    counts: Counter[str] = field(default_factory=Counter)


class Dataset(Protocol):
    """Samples by number, read when they are asked for; a fork or a copy for another process reads as well.

    Attributes:
        name: what it is called in model cards.
        licence: of the data, "not stated" where nothing says it.
        classes: names, by the index that masks, labels and categories use.
        palette: (r, g, b) of each class in pictures of masks.
        boxed: indices of the classes whose things have boxes, ascending.
        points: names of the keypoints of a thing.
        report: what was wrong.
    """

    @property
    def name(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]: ...
    @property
    def boxed(self) -> tuple[int, ...]: ...
    @property
    def points(self) -> tuple[str, ...]: ...
    @property
    def report(self) -> Report: ...

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Sample:
        """Read a sample.

        Raises:
            IndexError: there is none of this number.
            LearningError: it can't be read.
        """
        ...
