"""From a detector's many scored boxes to the few that are reported: thresholds, and non-maximum suppression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CANDIDATES = 1000
"""Pairs of box and class that are looked at, the best; what is beyond them is not worth the time."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one image, the best first.

    Attributes:
        boxes: (N, 4) float32, x0 y0 x1 y1 in pixels.
        scores: (N,) float32, probability.
        labels: (N,) int64, column of the scores that it is of.
        rows: (N,) int64, the row of the model's boxes that it is from.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


def select(boxes: np.ndarray, scores: np.ndarray, min_score: float, max_iou: float, most: int) -> Found:
    """Take the boxes that score well enough, and of those of one class that overlap the best one.

    Args:
        boxes: (K, 4), x0 y0 x1 y1.
        scores: (K, C); a box may be of several classes.
        min_score: what scores less is not looked at.
        max_iou: of two boxes of a class, the lesser goes where their intersection over union is greater.
        most: as many are taken at most, over all classes.
    """
    rows, labels = np.nonzero(scores >= min_score)
    values = scores[rows, labels]
    # Stable: of equal scores the first row comes first, so that the same input gives the same boxes.
    best = np.argsort(-values, kind="stable")[:CANDIDATES]
    rows, labels, values = rows[best], labels[best], values[best]
    candidates = boxes[rows]
    kept = np.zeros(len(rows), bool)
    for label in np.unique(labels):
        at = np.flatnonzero(labels == label)
        kept[at[suppress(candidates[at], max_iou)]] = True
    at = np.flatnonzero(kept)[:most]
    return Found(candidates[at], values[at], labels[at], rows[at])


def suppress(boxes: np.ndarray, max_iou: float) -> np.ndarray:
    """Return which of the boxes (N, 4), the best first, overlap no better one that stays: indices, ascending."""
    over = iou(boxes, boxes) > max_iou
    stays = np.ones(len(boxes), bool)
    for index in range(len(boxes) - 1):
        if stays[index]:
            stays[index + 1 :] &= ~over[index, index + 1 :]
    return np.flatnonzero(stays)


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the (N, M) intersections over union of boxes (N, 4) and (M, 4); 0 where both have no area."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
