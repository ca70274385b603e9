"""Intersection over union of classes, over all pixels of all pictures; void counts for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convoy.evaluation.steering import EvaluationError
from convoy.inference import ModelCard

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample


class SegmentationScore:
    """Gives `miou`, the mean over the classes that occur, `accuracy`, the share of right pixels, and `iou CLASS`."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self._frames = 0
        count = len(card.classes)
        self._confusion = np.zeros((count, count + 1), np.int64)  # the last column: no class at all

    def add(self, outputs: Mapping[str, Any], sample: Sample) -> None:
        assert sample.mask is not None  # `measure` saw to it
        count = len(self._card.classes)
        height, width = sample.mask.shape
        found = self._card.camera.fit(width, height).mask_back(outputs["mask"])
        known = sample.mask < count
        places = sample.mask[known].astype(np.int64) * (count + 1) + np.minimum(found[known], count)
        self._confusion += np.bincount(places, minlength=self._confusion.size).reshape(self._confusion.shape)
        self._frames += 1

    def figures(self) -> dict[str, float]:
        total = self._confusion.sum()
        if not total:
            raise EvaluationError("There is not one pixel with a class to compare with.")
        right = np.diag(self._confusion)
        union = self._confusion.sum(axis=1) + self._confusion[:, :-1].sum(axis=0) - right
        there = self._confusion.sum(axis=1) > 0
        iou = right[there] / union[there]
        names = [name for name, is_there in zip(self._card.classes, there, strict=True) if is_there]
        return {
            "miou": float(iou.mean()),
            "accuracy": float(right.sum() / total),
            "frames": self._frames,
            **{f"iou {name}": float(value) for name, value in zip(names, iou, strict=True)},
        }
