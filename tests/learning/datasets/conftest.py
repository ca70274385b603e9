"""A small recorded data set, and small files of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convoy.learning.datasets.recipe import SCENE_FRAMES, Recipe
from convoy.learning.datasets.recorder import record

RECIPE = Recipe("3,4", SCENE_FRAMES + 4, width=64, height=48, stereo=0.3, every=0.2)
"""Two scenes, one of which is short."""


@pytest.fixture(scope="session")
def recorded(opengl: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of `RECIPE`, without being stopped."""
    folder = tmp_path_factory.mktemp("recorded") / "towns"
    record(RECIPE, folder, workers=1)
    return folder


def picture(path: Path, width: int = 8, height: int = 6, seed: int = 0) -> Path:
    """Write a JPEG or PNG file of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def png(path: Path, pixels: Any) -> Path:
    """Write pixels as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(pixels))
    return path


@pytest.fixture
def coco(tmp_path: Path) -> Callable[..., str]:
    """Writes a COCO set of pictures of 20x10, a.jpg and b.jpg, with the annotations given; returns its SPEC."""

    def write(*annotations: dict[str, Any], **changed: Any) -> str:
        found = {
            "images": [
                {"id": number, "file_name": f"{name}.jpg", "width": 20, "height": 10}
                for number, name in enumerate("ab")
            ],
            "categories": [{"id": 7, "name": "cone"}, {"id": 3, "name": "car"}],
            "annotations": list(annotations),
        }
        for name in "ab":
            picture(tmp_path / "pictures" / f"{name}.jpg", 20, 10)
        (tmp_path / "found.json").write_text(json.dumps(found | changed))
        return f"coco:{tmp_path / 'pictures'},{tmp_path / 'found.json'}"

    return write
