"""Results drawn into pictures, for people: rviz2 shows no Detection2D, and nobody sees classes in a grey mask."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from convoy.perception.boxes import Found

Colour = tuple[int, int, int]

OPACITY = 0.5
NEAREST_M = 1.0
"""Depth up to which everything has the colour of what is nearest."""
_HUE_STEP = 0.618034
"""The golden ratio: colours of neighbouring classes differ, however many there are."""


def palette(count: int) -> tuple[Colour, ...]:
    """Return so many colours (RGB) that are told apart, for classes whose model brings none."""
    hues = [colorsys.hsv_to_rgb(index * _HUE_STEP % 1.0, 0.75, 0.95) for index in range(count)]
    return tuple((round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in hues)


def colour_table(colours: Sequence[Colour], encoding: str) -> np.ndarray:
    """Return the (256, 1, 3) uint8 table of `draw_mask`, in the channel order of ``rgb8`` or ``bgr8``."""
    table = np.zeros((256, 1, 3), np.uint8)
    table[: len(colours), 0] = np.array(colours, np.uint8).reshape(-1, 3)
    return table if encoding == "rgb8" else np.ascontiguousarray(table[..., ::-1])


def draw_mask(picture: np.ndarray, mask: np.ndarray, table: np.ndarray) -> None:
    """Lay the colours of a mask (H, W) uint8 over a picture (H, W, 3) of its size."""
    cv2.addWeighted(picture, 1 - OPACITY, cv2.applyColorMap(mask, table), OPACITY, 0, dst=picture)


def draw_boxes(picture: np.ndarray, found: Found, names: Sequence[str], table: np.ndarray) -> None:
    """Draw boxes with class and score into a picture (H, W, 3)."""
    size = max(0.35, picture.shape[0] / 1000)
    width = max(1, picture.shape[0] // 240)
    for box, score, label in zip(found.boxes.round().astype(int).tolist(), found.scores, found.labels, strict=True):
        colour = table[label, 0].tolist()
        cv2.rectangle(picture, (box[0], box[1]), (box[2] - 1, box[3] - 1), colour, width)
        text = f"{names[label]} {score:.2f}"
        (across, up), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        top = max(box[1], up + below)
        cv2.rectangle(picture, (box[0], top - up - below), (box[0] + across, top), colour, cv2.FILLED)
        ink = (0, 0, 0) if sum(colour) > 380 else (255, 255, 255)
        cv2.putText(picture, text, (box[0], top - below // 2 - 1), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def depth_picture(depth: np.ndarray, encoding: str) -> np.ndarray:
    """Return depth (H, W) in m as colours (H, W, 3), by its inverse: red is near, blue far; black where there is none.

    The scale is the same for all images, so that colours compare.
    """
    known = (depth > 0) & np.isfinite(depth)
    nearness = np.divide(NEAREST_M, depth, out=np.zeros(depth.shape, np.float32), where=known)
    # The square root spreads what is far: 4 m is half-way.
    levels = (255 * np.sqrt(np.minimum(nearness, 1))).astype(np.uint8)
    picture = cv2.applyColorMap(levels, cv2.COLORMAP_TURBO)
    picture[~known] = 0
    return picture if encoding == "bgr8" else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
