"""How an image of another size is brought to the one a model takes, and how its results are brought back.

On the robot, in training and in evaluation alike. Edges are counted from the image's upper left corner, so that pixel
i reaches from i to i + 1: a box over the whole image is 0, 0, width, height, whatever the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np


def stretch(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an image of shape (H, W, C) whole, whatever its aspect; one of the right size is returned as it is.

    Pixels are averaged over their area where the image shrinks, so that fine structure does not flicker.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] >= height and pixels.shape[1] >= width
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Fit:
    """Where a source image lies in a net's input, in whole pixels: there, and back.

    Attributes:
        source: width and height of the source image.
        target: width and height of the net's input.
        left, top, width, height: the rectangle of the input that shows the source; the rest is padding.
        padding: value of its pixels.
    """

    source: tuple[int, int]
    target: tuple[int, int]
    left: int
    top: int
    width: int
    height: int
    padding: int = 0

    @classmethod
    @lru_cache(maxsize=64)
    def stretched(cls, source: tuple[int, int], target: tuple[int, int]) -> Fit:
        """The source fills the input, whatever its aspect."""
        return cls(source, target, 0, 0, *target)

    @classmethod
    @lru_cache(maxsize=64)
    def letterboxed(cls, source: tuple[int, int], target: tuple[int, int], padding: int) -> Fit:
        """The source keeps its aspect, as large as it fits, in the middle; where that is uneven, nearer to 0, 0."""
        scale = min(target[0] / source[0], target[1] / source[1])
        width, height = (max(1, round(length * scale)) for length in source)
        return cls(source, target, (target[0] - width) // 2, (target[1] - height) // 2, width, height, padding)

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the input per pixel of the source, across and down."""
        return self.width / self.source[0], self.height / self.source[1]

    def image(self, pixels: np.ndarray) -> np.ndarray:
        """Bring an image of the source's size, (H, W, C) uint8, to the input."""
        shown = stretch(pixels, self.width, self.height)
        if self.target == (self.width, self.height):
            return shown
        whole = np.full((self.target[1], self.target[0], pixels.shape[2]), self.padding, pixels.dtype)
        whole[self._rows, self._columns] = shown
        return whole

    def boxes_back(self, boxes: np.ndarray) -> np.ndarray:
        """Bring boxes (N, 4) x0 y0 x1 y1 of the input to the source, cut to its edges."""
        offset = np.array([self.left, self.top] * 2, np.float32)
        x, y = self.scale
        moved = (boxes - offset) / np.array([x, y, x, y], np.float32)
        return np.clip(moved, 0, np.array(self.source * 2, np.float32))

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Bring boxes (N, 4) x0 y0 x1 y1 of the source to the input; the way there of `boxes_back`."""
        x, y = self.scale
        scaled = boxes * np.array([x, y, x, y], np.float32)
        return scaled + np.array([self.left, self.top] * 2, np.float32)

    def mask_back(self, mask: np.ndarray) -> np.ndarray:
        """Bring a mask (H, W) of the input to the source's size: each pixel gets the value at its middle."""
        if self._shown_as_is:
            return np.ascontiguousarray(mask[self._rows, self._columns])
        rows = _nearest(self.top, self.height, self.source[1])
        columns = _nearest(self.left, self.width, self.source[0])
        return mask.take(columns, axis=1).take(rows, axis=0)

    def depth_back(self, depth: np.ndarray) -> np.ndarray:
        """Bring a map (H, W) float32 of the input to the source's size, interpolated between the pixels' middles.

        It is a new one, which may be written to.
        """
        shown = depth[self._rows, self._columns]
        if self._shown_as_is:
            return shown.copy()
        return cv2.resize(shown, self.source, interpolation=cv2.INTER_LINEAR)

    @property
    def _shown_as_is(self) -> bool:
        return self.source == (self.width, self.height)

    @property
    def _rows(self) -> slice:
        return slice(self.top, self.top + self.height)

    @property
    def _columns(self) -> slice:
        return slice(self.left, self.left + self.width)


@lru_cache(maxsize=64)
def _nearest(start: int, length: int, count: int) -> np.ndarray:
    """For each of so many pixels, the one of `length` from `start` in which its middle lies."""
    # In whole numbers: OpenCV's fixed-point steps are a pixel off here and there.
    return start + (2 * np.arange(count) + 1) * length // (2 * count)
