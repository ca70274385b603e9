"""What a camera delivers at one instant, and the boxes in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convoy_sim.cameras import CameraInfo
from convoy_sim.classes import CLASSES, Label

BOXED = frozenset(entry.id for entry in CLASSES if entry.boxed)


@dataclass(frozen=True)
class Box:
    """A thing that is seen, in pixels of the picture.

    Attributes:
        label: its class.
        instance: its number in the instance mask.
        x, y, width, height: left and upper edge, and size, of what is visible of it; whole pixels.
        pixels: how many pixels it shows.
        truncated: whether it reaches the picture's border.
    """

    label: Label
    instance: int
    x: int
    y: int
    width: int
    height: int
    pixels: int
    truncated: bool


@dataclass(frozen=True, eq=False)
class Frame:
    """What one camera sees; parts that were not asked for are None.

    Attributes:
        info: its calibration.
        camera_pose: (4, 4) pose of its optical frame in the map.
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32, metres along the optical axis; 0 where there is no surface.
        classes: (H, W) uint8, see `convoy_sim.classes`; 255 outside a fisheye's circle.
        instances: (H, W) uint16, a number for each car, pedestrian, sign, light and cone; 0 elsewhere.
        boxes: of all instances that are seen, by number.
    """

    info: CameraInfo
    camera_pose: NDArray[np.float64]
    rgb: NDArray[np.uint8] | None = None
    depth: NDArray[np.float32] | None = None
    classes: NDArray[np.uint8] | None = None
    instances: NDArray[np.uint16] | None = None
    boxes: tuple[Box, ...] | None = None


def boxes_of(instances: NDArray[np.uint16], classes: NDArray[np.uint8]) -> tuple[Box, ...]:
    """The boxes of an instance mask; `classes` tells what each thing is."""
    height, width = instances.shape
    flat = instances.ravel()
    at = np.flatnonzero(flat)
    if not len(at):
        return ()
    numbers = flat[at]
    order = np.argsort(numbers, kind="stable")
    at, numbers = at[order], numbers[order]
    first = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]]))
    rows, columns = np.divmod(at, width)
    x0, x1 = np.minimum.reduceat(columns, first), np.maximum.reduceat(columns, first)
    # Within one number the pixels still run from top to bottom.
    last = np.concatenate([first[1:], [len(at)]]) - 1
    y0, y1 = rows[first], rows[last]
    counts = last - first + 1
    labels = classes.ravel()[at[first]]
    truncated = (x0 == 0) | (y0 == 0) | (x1 == width - 1) | (y1 == height - 1)
    edges = (numbers[first], labels, x0, y0, x1, y1, counts, truncated)
    return tuple(
        Box(Label(label), number, left, top, right - left + 1, bottom - top + 1, count, cut)
        for number, label, left, top, right, bottom, count, cut in zip(*(e.tolist() for e in edges), strict=True)
    )
