"""A page of samples, drawn: what a data set holds, at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from convoy.interfaces.image_files import ImageError, write_jpeg, write_png
from convoy.learning.datasets.pictures import JPEG_QUALITY
from convoy.learning.datasets.sample import Array, Dataset, Sample
from convoy.learning.errors import LearningError

NEAREST_M, FARTHEST_M = 1.0, 60.0
"""Depth is drawn from blue to red between these."""
_TILE_WIDTH = 320


def write_sheet(dataset: Dataset, rows: int, path: Path) -> None:
    """Draw some samples to a JPEG or PNG file, see `contact_sheet`.

    Raises:
        LearningError: the file has another ending or can't be written, or a sample can't be read.
    """
    ending = path.suffix.lower()
    if ending not in (".jpg", ".jpeg", ".png"):
        raise LearningError(f"{path}: a sheet is drawn to a file that ends in .jpg or .png.")
    sheet = contact_sheet(dataset, rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        bgr = np.ascontiguousarray(sheet[..., ::-1])
        path.write_bytes((write_png(bgr) if ending == ".png" else write_jpeg(bgr, "bgr8", JPEG_QUALITY)).tobytes())
    except (OSError, ImageError) as error:
        raise LearningError(f"{path} can't be written: {error}") from None


def contact_sheet(dataset: Dataset, rows: int) -> Array:
    """Draw some samples, evenly spread: a row for each, (H, W, 3) uint8 RGB.

    From left to right: the picture with its boxes, classes over the picture, things, depth, the right picture; of
    these what the samples have.

    Raises:
        LearningError: a sample can't be read.
    """
    count = min(rows, len(dataset))
    lines = [_row(dataset[number * len(dataset) // count], dataset.palette) for number in range(count)]
    width = max(line.shape[1] for line in lines)
    return np.vstack([np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines])


def _row(sample: Sample, palette: Sequence[tuple[int, int, int]]) -> Array:
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = np.array(palette, np.uint8).reshape(-1, 3)
    tiles = [_boxes(sample, colours)]
    if sample.mask is not None:
        tiles.append((sample.image * 0.4 + colours[sample.mask] * 0.6).astype(np.uint8))
    if sample.instances is not None:
        # Neighbouring numbers get colours far apart.
        hues = np.where(sample.instances > 0, sample.instances.astype(np.int64) * 67 % 180, 0).astype(np.uint8)
        shown = np.where(sample.instances > 0, np.uint8(255), np.uint8(0))
        tiles.append(np.asarray(cv2.cvtColor(np.dstack([hues, shown, shown]), cv2.COLOR_HSV2RGB)))
    if sample.depth is not None:
        far = np.log(np.maximum(sample.depth, NEAREST_M) / NEAREST_M) / np.log(FARTHEST_M / NEAREST_M)
        shades = cv2.applyColorMap((255 * far.clip(0, 1)).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
        tiles.append(np.where(sample.depth[..., None] > 0, shades, np.uint8(0)))
    if sample.right is not None:
        tiles.append(sample.right)
    height = max(1, round(sample.image.shape[0] * _TILE_WIDTH / sample.image.shape[1]))
    return np.hstack([cv2.resize(tile, (_TILE_WIDTH, height), interpolation=cv2.INTER_AREA) for tile in tiles])


def _boxes(sample: Sample, colours: Array) -> Array:
    picture = sample.image.copy()
    if sample.boxes is None or sample.labels is None:
        return picture
    for box, label in zip(sample.boxes, sample.labels, strict=True):
        x0, y0, x1, y1 = box.round().astype(int).tolist()
        cv2.rectangle(picture, (x0 - 1, y0 - 1), (x1, y1), colours[label].tolist(), 1)
    return picture
