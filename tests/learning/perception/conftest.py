"""Small synthetic scenes: coloured boards at known distances in front of a wall, seen by a stereo pair."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from convoy.commands import main
from convoy.learning.datasets.classes import ClassTable
from convoy.learning.datasets.sample import Sample
from convoy.learning.datasets.sample_list import SampleList

WIDTH, HEIGHT = 96, 64
FOCAL_PX, BASELINE_M = 48.0, 0.5
WALL_M = 12.0
CLASSES = ("wall", "red", "green", "blue")
COLOURS = ((90, 90, 90), (220, 40, 40), (40, 200, 60), (50, 60, 230))
TABLE = ClassTable(CLASSES, COLOURS, boxed=(1, 2, 3))
K = np.array([[FOCAL_PX, 0, (WIDTH - 1) / 2], [0, FOCAL_PX, (HEIGHT - 1) / 2], [0, 0, 1]])


def make_sample(number: int) -> Sample:
    """Board and wall are rendered for both cameras; the board's class, place and distance come from the number."""
    random = np.random.default_rng(number)
    label = 1 + number % 3
    disparity = int(random.integers(4, 9))
    width, height = int(random.integers(18, 34)), int(random.integers(18, 34))
    left, top = int(random.integers(10, WIDTH - width - 4)), int(random.integers(2, HEIGHT - height - 2))
    behind = round(FOCAL_PX * BASELINE_M / WALL_M)
    grain = random.integers(-40, 40, (HEIGHT, WIDTH + 40, 1))
    pictures = []
    for shift in (0, 1):
        seen = np.array(COLOURS[0]) + grain[:, 20 + shift * behind :][:, :WIDTH]
        start = left - shift * disparity
        board = np.array(COLOURS[label]) + grain[top : top + height, left : left + width] // 2
        seen[top : top + height, start : start + width] = board
        pictures.append(np.clip(seen, 0, 255).astype(np.uint8))
    rows, columns = slice(top, top + height), slice(left, left + width)
    mask, instances = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint16)
    depth = np.full((HEIGHT, WIDTH), WALL_M, np.float32)
    mask[rows, columns], instances[rows, columns] = label, 7
    depth[rows, columns] = FOCAL_PX * BASELINE_M / disparity
    turn = random.uniform(-0.5, 0.5)
    return Sample(
        name=f"scene {number}",
        image=pictures[0],
        boxes=np.array([[left, top, left + width, top + height]], np.float32),
        labels=np.array([label]),
        mask=mask,
        instances=instances,
        instance_ids=np.array([7]),
        depth=depth,
        right=pictures[1],
        baseline_m=BASELINE_M,
        camera=K.copy(),
        pose=np.array([*random.uniform(-5, 5, 3), 0, np.sin(turn), 0, np.cos(turn)]),
        category=label,
    )


def make_scenes(count: int, first: int = 0) -> SampleList:
    readers = tuple(partial(make_sample, number) for number in range(first, first + count))
    return SampleList("scenes", "CC0-1.0", TABLE, readers)


@pytest.fixture
def scene() -> Sample:
    return make_sample(0)


@pytest.fixture
def scenes() -> SampleList:
    return make_scenes(10)


@pytest.fixture
def convoy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the command line in a folder of its own."""

    def run(*arguments: str) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["convoy", *arguments])
        try:
            main()
        except SystemExit as exit_:
            if exit_.code:
                raise

    return run


@pytest.fixture
def small_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mask and Keypoint R-CNN with a fraction of the work and of the weights that were published."""
    from torch import nn
    from torchvision.models.detection import faster_rcnn, keypoint_rcnn, mask_rcnn

    from convoy.learning.nets.detection import torchvision_two_stage

    masks: Callable[..., nn.Module] = mask_rcnn.MaskRCNNHeads
    points: Callable[..., nn.Module] = keypoint_rcnn.KeypointRCNNHeads

    def boxes(channels: int, size: int) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, size))

    monkeypatch.setattr(mask_rcnn, "MaskRCNNHeads", lambda channels, _, dilation: masks(channels, (16, 256), dilation))
    monkeypatch.setattr(keypoint_rcnn, "KeypointRCNNHeads", lambda channels, _: points(channels, (16, 512)))
    monkeypatch.setattr(faster_rcnn, "TwoMLPHead", boxes)
    monkeypatch.setattr(torchvision_two_stage, "_PROPOSALS", 20)
