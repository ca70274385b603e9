"""How an image of another size is brought to the one a model takes: on the robot, in training and in evaluation."""

from __future__ import annotations

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
