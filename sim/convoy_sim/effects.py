"""What lenses, sensors and rain do to a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Effects:
    """How far from perfect pictures are; the defaults change nothing.

    Attributes:
        noise: deviation of each pixel's noise, of 255.
        exposure: deviation, in stops, of a gain drawn for each picture.
        blur_px: deviation of a Gaussian blur, pixels.
        vignette: 0 to 1, how dark the corners are.
    """

    noise: float = 0.0
    exposure: float = 0.0
    blur_px: float = 0.0
    vignette: float = 0.0


def degrade(picture: Picture, effects: Effects, rain: float, rng: np.random.Generator) -> Picture:
    """A picture with rain (0 to 1) in the air and a camera's faults, all drawn from `rng`."""
    if rain > 0:
        picture = _rain(picture, rain, rng)
    if effects.blur_px > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), effects.blur_px).astype(np.uint8, copy=False)
    gain = 2.0 ** rng.normal(0, effects.exposure) if effects.exposure > 0 else 1.0
    if gain == 1.0 and effects.noise == 0 and effects.vignette == 0:
        return picture
    values = picture.astype(np.float32) * np.float32(gain)
    if effects.vignette > 0:
        y, x = (np.linspace(-1, 1, size, dtype=np.float32) ** 2 for size in picture.shape[:2])
        values *= (1 - np.float32(effects.vignette) * (x[None, :] + y[:, None]) / 2)[..., None]
    if effects.noise > 0:
        values += np.float32(effects.noise) * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _rain(picture: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Pale slanted streaks, and the lower contrast of wet air."""
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), dtype=np.uint8)
    count = int(amount * 0.0035 * height * width)
    slant = float(rng.normal(0, 0.12))
    starts = rng.uniform((0, -0.1), (1, 1), (count, 2)) * (width, height)
    lengths = rng.uniform(0.02, 0.09, count) * max(height, 48)
    ends = starts + np.stack([slant * lengths, lengths], axis=1)
    lines = np.round(np.stack([starts, ends], axis=1)).astype(np.int32)
    cv2.polylines(streaks, list(lines), False, 255, 1)
    alpha = (streaks > 0)[..., None] * np.float32(0.22 * amount)
    return np.asarray(picture + (np.float32(205) - picture) * alpha, dtype=np.uint8)
