"""The forms in which detectors give boxes: each one decoded to ``boxes`` and ``scores``.

``boxes`` is (K, 4) float32, x0 y0 x1 y1 in pixels of the input; ``scores`` is (K, C) float32, a probability for each
class. No overlaps are taken out here, `convoy.perception.boxes` does that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, PrivateAttr

from convoy.inference.errors import ModelError
from convoy.inference.part import Part

Arrays = Mapping[str, np.ndarray]
Corners = Literal["xyxy", "xywh", "cxcywh"]
Unit = Literal["px", "part"]
Activation = Literal["none", "sigmoid", "softmax"]

MOST = 1000
"""Boxes kept, the best by their best class: heads give up to tens of thousands, nearly all of background."""


class BoxesForm(Part):
    """Boxes, their scores and labels, as from torchvision's detectors or with NMS inside the graph; or DETR's."""

    form: Literal["boxes"]
    boxes: str = Field(default="boxes", description="name of the output of boxes, (K, 4) or (1, K, 4)")
    scores: str = Field(default="scores", description="name of the output of scores: (K,), or (K, C) of all classes")
    labels: str | None = Field(default=None, description="name of the output of labels, (K,); needed by scores (K,)")
    corners: Corners = Field(default="xyxy", description="two corners; corner and size; or centre and size")
    unit: Unit = Field(default="px", description="'part' where boxes are in parts of the input's width and height")
    first_class: int = Field(default=0, description="label or column of the first of `classes`; 1 after a background")
    activation: Activation = Field(default="none", description="what makes probabilities of scores")

    @property
    def names(self) -> list[str]:
        return [name for name in (self.boxes, self.scores, self.labels) if name is not None]

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``boxes`` and ``scores``, see this module."""
        boxes = _rows([raw[self.boxes]], 4, self.boxes)
        values = raw[self.scores]
        if self.labels is None:
            scores = _activate(_rows([values], 0, self.scores), self.activation)[:, self.first_class :]
            scores = _columns(scores, classes, self.scores)
        else:
            flat = _activate(values.reshape(-1, 1), self.activation)[:, 0]
            labels = raw[self.labels].reshape(-1).astype(np.int64) - self.first_class
            if not len(flat) == len(labels) == len(boxes):
                raise ModelError(f"There are {len(boxes)} boxes, {len(flat)} scores and {len(labels)} labels.")
            scores = np.zeros((len(boxes), classes), np.float32)
            known = (labels >= 0) & (labels < classes)
            scores[np.flatnonzero(known), labels[known]] = flat[known]
        return _best(_corners(boxes, self.corners, self.unit, width, height), scores)


class YoloForm(Part):
    """One output with a row (v5, and v7) or a column (v8, and v9, v11) for each box: its centre, size and scores."""

    form: Literal["yolov5", "yolov8"]
    output: str = Field(default="output0", description="name of the output: (1, N, 5 + C), or (1, 4 + C, N) for v8")
    unit: Unit = Field(default="px", description="'part' where boxes are in parts of the input's width and height")

    @property
    def names(self) -> list[str]:
        return [self.output]

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``boxes`` and ``scores``, see this module."""
        head = 5 if self.form == "yolov5" else 4
        values = raw[self.output]
        rows = values[0] if values.ndim == 3 else values
        if self.form == "yolov8":
            rows = rows.T
        if rows.ndim != 2 or rows.shape[1] != head + classes:
            raise ModelError(
                f"Output {self.output!r} has shape {values.shape}; {self.form} with {classes} classes has "
                f"{head + classes} values for each box."
            )
        scores = rows[:, head:]
        if self.form == "yolov5":
            scores = scores * rows[:, 4:5]
        best = _best(rows[:, :4], scores)
        return best | {"boxes": _corners(best["boxes"], "cxcywh", self.unit, width, height)}


class SsdForm(Part):
    """Shifts of anchors and scores, as Liu et al. 2016 has them: a softmax with the background first."""

    form: Literal["ssd"]
    boxes: str = Field(description="name of the output of shifts, (1, N, 4)")
    scores: str = Field(description="name of the output of scores, (1, N, background + C)")
    anchors: Path = Field(description=".npy of (N, 4) float: centre x, centre y, width, height; beside the card")
    unit: Unit = Field(default="px", description="of the anchors; 'part' of the input's width and height")
    variances: tuple[float, float, float, float] = Field(
        default=(0.1, 0.1, 0.2, 0.2), description="factors of the shifts of centre and size"
    )
    first_class: int = Field(default=1, description="column of the first of `classes`")
    activation: Activation = Field(default="softmax", description="what makes probabilities of scores")
    _folder: Path = PrivateAttr(default=Path())

    @property
    def names(self) -> list[str]:
        return [self.boxes, self.scores]

    def beside(self, card: Path) -> None:
        """Look for the anchors beside the card's file."""
        self._folder = card.parent

    @cached_property
    def table(self) -> np.ndarray:
        """The anchors.

        Raises:
            ModelError: their file can't be read, or holds something else.
        """
        path = self._folder / self.anchors
        try:
            anchors = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ModelError(f"The anchors {path} can't be read: {error}.") from None
        if anchors.ndim != 2 or anchors.shape[1] != 4 or not np.isfinite(anchors).all():
            raise ModelError(f"The anchors {path} have shape {anchors.shape}; wanted (N, 4), finite.")
        return anchors.astype(np.float32)

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``boxes`` and ``scores``, see this module."""
        anchors, shifts = self.table, _rows([raw[self.boxes]], 4, self.boxes)
        if len(shifts) != len(anchors):
            raise ModelError(f"There are {len(anchors)} anchors in {self.anchors}, but {len(shifts)} boxes.")
        scores = _activate(_rows([raw[self.scores]], 0, self.scores), self.activation)[:, self.first_class :]
        scores = _columns(scores, classes, self.scores)
        shifts = shifts * np.array(self.variances, np.float32)
        centres = anchors[:, :2] + shifts[:, :2] * anchors[:, 2:]
        sizes = anchors[:, 2:] * np.exp(np.minimum(shifts[:, 2:], _LARGEST_EXPONENT))
        return _best(_corners(np.hstack([centres, sizes]), "cxcywh", self.unit, width, height), scores)


class FcosForm(Part):
    """Distances of a grid's points to the edges of their box, as FCOS (Tian et al. 2019) and its kin have them.

    Outputs of several grids are given in the order of `strides`, one output for each, or all in one.
    """

    form: Literal["fcos"]
    scores: tuple[str, ...] = Field(
        min_length=1, description="names of the outputs of scores, (1, N, C) or (1, C, h, w)"
    )
    distances: tuple[str, ...] = Field(min_length=1, description="left, top, right, bottom: (1, N, 4) or (1, 4, h, w)")
    centreness: tuple[str, ...] = Field(default=(), description="(1, N, 1) or (1, 1, h, w); or objectness")
    strides: tuple[int, ...] = Field(min_length=1, description="px between the points of each grid")
    offset: float = Field(default=0.5, description="of the first point from the edge, in strides; torchvision has 0")
    distances_in: Literal["px", "strides"] = Field(default="strides", description="unit of the distances")
    activation: Activation = Field(default="sigmoid", description="what makes probabilities of scores and centreness")

    @property
    def names(self) -> list[str]:
        return [*self.scores, *self.distances, *self.centreness]

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``boxes`` and ``scores``, see this module."""
        scores = _rows([raw[name] for name in self.scores], classes, self.scores[0])
        scores = _activate(scores, self.activation)
        if self.centreness:
            centreness = _rows([raw[name] for name in self.centreness], 1, self.centreness[0])
            scores = np.sqrt(scores * _activate(centreness, self.activation))
        distances = _rows([raw[name] for name in self.distances], 4, self.distances[0])
        points, strides = _grids(self.strides, width, height, self.offset)
        _check_cells(distances, points, self.strides, width, height)
        if self.distances_in == "strides":
            distances = distances * strides
        return _best(np.hstack([points - distances[:, :2], points + distances[:, 2:]]), scores)


class GridForm(Part):
    """Shifts of a grid's cells, as YOLOX (Ge et al. 2021) has them: centre, logarithm of size, objectness, scores."""

    form: Literal["yolox"]
    output: str = Field(default="output", description="name of the output, (1, N, 5 + C), grid after grid")
    strides: tuple[int, ...] = Field(default=(8, 16, 32), min_length=1, description="px between the cells of each grid")
    activation: Activation = Field(default="none", description="what makes probabilities of objectness and scores")

    @property
    def names(self) -> list[str]:
        return [self.output]

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``boxes`` and ``scores``, see this module."""
        rows = _rows([raw[self.output]], 5 + classes, self.output)
        cells, strides = _grids(self.strides, width, height, 0.0)
        _check_cells(rows, cells, self.strides, width, height)
        centres = cells + rows[:, :2] * strides
        sizes = np.exp(np.minimum(rows[:, 2:4], _LARGEST_EXPONENT)) * strides
        scores = _activate(rows[:, 4:5], self.activation) * _activate(rows[:, 5:], self.activation)
        return _best(_corners(np.hstack([centres, sizes]), "cxcywh", "px", width, height), scores)


_LARGEST_EXPONENT = 10.0
"""A size is at most e to this times its cell or anchor: a wild value is a large box, not infinity."""


def _rows(values: Sequence[np.ndarray], columns: int, name: str) -> np.ndarray:
    """One row for each box, of outputs (1, N, columns), (N, columns) or (1, columns, h, w), one after the other.

    Any number of columns will do where `columns` is 0.
    """
    flat = []
    for part in values:
        rows = part.reshape(part.shape[1], -1).T if part.ndim == 4 else part.reshape(-1, part.shape[-1])
        if columns and rows.shape[1] != columns:
            raise ModelError(f"Output {name!r} has shape {part.shape}; wanted {columns} values for each box.")
        flat.append(rows)
    return (flat[0] if len(flat) == 1 else np.concatenate(flat)).astype(np.float32, copy=False)


def _columns(scores: np.ndarray, classes: int, name: str) -> np.ndarray:
    if scores.shape[1] < classes:
        raise ModelError(f"Output {name!r} has scores of {scores.shape[1]} classes; the card names {classes}.")
    return scores[:, :classes]


def _activate(values: np.ndarray, activation: Activation) -> np.ndarray:
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-np.clip(values, -80, 80)))
    if activation == "softmax":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return values


def _corners(boxes: np.ndarray, corners: Corners, unit: Unit, width: int, height: int) -> np.ndarray:
    first, second = boxes[:, :2], boxes[:, 2:]
    if corners == "cxcywh":
        first, second = first - second / 2, first + second / 2
    elif corners == "xywh":
        second = first + second
    found = np.hstack([first, second]).astype(np.float32, copy=False)
    return found * np.array([width, height] * 2, np.float32) if unit == "part" else found


def _best(boxes: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    if len(boxes) > MOST:
        # By score, not in the order of the head; equal scores keep it, so that the same input gives the same boxes.
        chosen = np.sort(np.argsort(-scores.max(axis=1), kind="stable")[:MOST])
        boxes, scores = boxes[chosen], scores[chosen]
    return {
        "boxes": np.ascontiguousarray(boxes, np.float32),
        "scores": np.ascontiguousarray(scores, np.float32),
    }


@cache
def _grids(strides: tuple[int, ...], width: int, height: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) in px of all grids, row by row, and the stride (N, 1) of each."""
    points = []
    for stride in strides:
        across, down = np.meshgrid(np.arange(-(-width // stride)), np.arange(-(-height // stride)))
        points.append((np.stack([across, down], axis=-1).reshape(-1, 2) + offset) * stride)
    lengths = [len(part) for part in points]
    return np.concatenate(points).astype(np.float32), np.repeat(strides, lengths).astype(np.float32)[:, None]


def _check_cells(rows: np.ndarray, points: np.ndarray, strides: tuple[int, ...], width: int, height: int) -> None:
    if len(rows) != len(points):
        raise ModelError(
            f"There are {len(rows)} boxes, but grids of strides {', '.join(map(str, strides))} have {len(points)} "
            f"points in {width}x{height}."
        )
