"""Surfaces by rule: asphalt, paving, grass, leaves, bark, tiles. Pictures are (H, W, 3) floats, 0 to 255, RGB."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.float32]
Rng = np.random.Generator


def noise(rng: Rng, height: int, width: int, coarsest: int = 4, octaves: int = 5, fade: float = 0.6) -> Image:
    """(H, W) fractal noise, mean about 0 and deviation 1, that repeats without a seam."""
    total = np.zeros((height, width), dtype=np.float32)
    cells, weight = coarsest, 1.0
    for _ in range(octaves):
        rows, columns = min(cells, height), min(max(1, cells * width // height), width)
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        padded = np.pad(grid, 2, mode="wrap")
        scale = (width / columns, height / rows)
        big = cv2.resize(padded, None, fx=scale[0], fy=scale[1], interpolation=cv2.INTER_CUBIC)
        top, left = round(2 * scale[1]), round(2 * scale[0])
        total += weight * big[top : top + height, left : left + width]
        cells, weight = cells * 2, weight * fade
    return (total - total.mean()) / max(float(total.std()), 1e-6)


def tinted(values: Image, base: ArrayLike, contrast: ArrayLike) -> Image:
    """A picture of one colour, with (H, W) `values` times `contrast` (a number, or one per channel) on it."""
    return np.asarray(base, dtype=np.float32) + values[..., None] * np.asarray(contrast, dtype=np.float32)


def asphalt(rng: Rng, size: int = 512, wet: bool = False) -> Image:
    """About 8 m of road: grain, stains, cracks and patches; darker, with pale puddles, where it is wet."""
    grain = rng.standard_normal((size, size)).astype(np.float32)
    shade = float(rng.uniform(98, 122)) * (0.62 if wet else 1.0)
    picture = tinted(noise(rng, size, size, 4, 4), (shade, shade, shade + 2), 5.0) + 5.5 * grain[..., None]
    for _ in range(3):
        x, y = rng.integers(0, size, 2)
        w, h = rng.integers(size // 10, size // 4, 2)
        picture[y : y + h, x : x + w] -= float(rng.uniform(4, 12))
    lines = np.zeros((size, size), dtype=np.float32)
    for _ in range(5):
        points = np.cumsum(rng.normal(0, size / 28, (14, 2)) + rng.normal(0, size / 50, 2), axis=0)
        points += rng.uniform(0, size, 2)
        cv2.polylines(lines, [points.astype(np.int32)], False, 1.0, 1, cv2.LINE_AA)
    picture -= 22 * lines[..., None]
    if wet:
        puddle = np.clip(noise(rng, size, size, 3, 4) - 0.55, 0, 1)[..., None]
        picture = picture * (1 - 0.6 * puddle) + 0.6 * puddle * np.array([150, 158, 168], dtype=np.float32)
    return np.clip(picture, 0, 255)


def paving(rng: Rng, size: int = 256, wet: bool = False) -> Image:
    """About 3 m of slabs, each of its own shade."""
    count = int(rng.integers(4, 7))
    cell = size // count
    base = np.array([(168, 164, 158), (176, 162, 146), (152, 154, 158)][int(rng.integers(3))], dtype=np.float32)
    picture = tinted(noise(rng, size, size, 8, 4), base, 5.0)
    for row in range(count + 1):
        shift = (row % 2) * cell // 2
        for column in range(-1, count + 1):
            x, y = column * cell + shift, row * cell
            picture[y : y + cell, max(x, 0) : max(x + cell, 0)] += float(rng.normal(0, 7))
            picture[y : y + cell, max(x, 0) : max(x + 2, 0)] -= 34
        picture[row * cell : row * cell + 2] -= 34
    return np.clip(picture * (0.72 if wet else 1.0), 0, 255)


def grass(rng: Rng, size: int = 512) -> Image:
    """About 12 m of meadow."""
    base = np.array([96, 118, 58], dtype=np.float32) + rng.normal(0, 7, 3)
    blades = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (1, 5), 0)
    picture = tinted(noise(rng, size, size, 4, 6, 0.75), base, (13, 10, 8)) + 14 * blades[..., None]
    return np.clip(picture, 0, 255)


def leaves(rng: Rng, colour: ArrayLike, size: int = 256, needles: bool = False) -> Image:
    """Foliage: dabs from dark to light, or strokes for needles."""
    base = np.asarray(colour, dtype=np.float32)
    picture = np.empty((size, size, 3), dtype=np.float32)
    picture[:] = base * 0.62
    count = 3600
    for shade, (x, y) in zip(np.linspace(0.68, 1.22, count), rng.integers(0, size, (count, 2)), strict=True):
        tone = tuple((base * shade + rng.normal(0, 7, 3)).tolist())
        axes = (1, int(rng.integers(3, 7))) if needles else (int(rng.integers(1, 4)), int(rng.integers(1, 3)))
        turn = float(rng.uniform(-25, 25)) if needles else float(rng.uniform(0, 180))
        cv2.ellipse(picture, (int(x), int(y)), axes, turn, 0, 360, tone, -1)
    return np.clip(picture, 0, 255)


def bark(rng: Rng, size: int = 64) -> Image:
    """Tree bark: upright ridges."""
    ridges: Image = np.asarray(cv2.resize(rng.standard_normal((8, size)).astype(np.float32), (size, size)))
    return np.clip(tinted(ridges, (88, 72, 56), 14.0), 0, 255)


def roof_tiles(rng: Rng, colour: ArrayLike, width: int = 256, height: int = 128) -> Image:
    """Rows of tiles, each row with its shadow."""
    picture = tinted(noise(rng, height, width, 4, 5), colour, 7.0)
    step = 8
    for row, y in enumerate(range(0, height, step)):
        picture[y : y + 2] *= 0.68
        for x in range((row % 2) * 5, width, 10):
            picture[y : y + step, x : x + 9] += float(rng.normal(0, 7))
            picture[y : y + step, x : x + 1] *= 0.85
    return np.clip(picture, 0, 255)


def gravel(rng: Rng, size: int = 128) -> Image:
    """A flat roof."""
    tone = float(rng.uniform(95, 145))
    grain = rng.standard_normal((size, size)).astype(np.float32)
    return np.clip(tinted(noise(rng, size, size, 4, 4), (tone, tone, tone), 7.0) + 7 * grain[..., None], 0, 255)


def car_glass(size: int = 32) -> Image:
    """A window: sky on top, dark below."""
    t = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    sky, dark = np.array([118, 132, 146], dtype=np.float32), np.array([22, 26, 32], dtype=np.float32)
    return np.broadcast_to(sky * (1 - t) ** 1.5 + dark * (1 - (1 - t) ** 1.5), (size, size, 3)).astype(np.float32)
