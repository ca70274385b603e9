"""Small synthetic drives: a bright line on grey ground, and a human who steers towards it."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.learning.recordings import Drive

WIDTH, HEIGHT = 40, 30


def make_drive(count: int = 100, seed: int = 0) -> Drive:
    random = np.random.default_rng(seed)
    offsets = np.sin(np.arange(count) / 7) * 0.8
    images = random.integers(60, 90, (count, HEIGHT, WIDTH, 3), np.uint8)
    for image, offset in zip(images, offsets, strict=True):
        column = round((offset + 1) / 2 * (WIDTH - 4))
        image[8:, column : column + 4] = 230
    angles = (-0.3 * offsets).astype(np.float32)
    return Drive("tub:synthetic", "CC0-1.0", angles, lambda frames: (images[number] for number in frames))


@pytest.fixture
def drive() -> Drive:
    return make_drive()
