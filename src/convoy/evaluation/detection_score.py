"""How well boxes are found: mean average precision, as COCO defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from convoy.evaluation.steering import EvaluationError
from convoy.inference import ModelCard
from convoy.perception.boxes import Found, select

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample

LEAST_ROWS = 12.0
"""Things of fewer rows in the source image are neither to be found nor wrong to find."""
MIN_SCORE, MAX_IOU, MOST = 0.01, 0.6, 100
"""What is looked at: nearly everything, for the score is over all thresholds."""


class DetectionScore:
    """Compares what a model finds with the truth, in pixels of the source image.

    COCO leaves out things by their area, this by their height: a truth that is too low is not missed, a box that finds
    it is not wrong, nor is one that is too low itself and finds nothing.
    """

    def __init__(self, card: ModelCard) -> None:
        self._camera = card.camera
        self._columns = np.array(card.boxed or range(len(card.classes)))
        self._classes = card.classes
        self._truths: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []
        self._images: list[dict[str, int]] = []

    def add(self, outputs: Mapping[str, np.ndarray], sample: Sample) -> None:
        """Take the model's outputs for a sample.

        Raises:
            EvaluationError: it has no boxes, or one of a class that the model knows no boxes of.
        """
        if sample.boxes is None or sample.labels is None:
            raise EvaluationError(f"{sample.name} has no boxes, which detection is measured by.")
        strange = sample.labels[~np.isin(sample.labels, self._columns)]
        if len(strange):
            raise EvaluationError(
                f"{sample.name} has a box of class {int(strange[0])}; this model finds boxes of "
                f"{', '.join(f'{column} ({self._classes[column]})' for column in self._columns)}."
            )
        height, width = sample.image.shape[:2]
        found = select(outputs["boxes"], outputs["scores"], MIN_SCORE, MAX_IOU, MOST)
        boxes = self._camera.fit(width, height).boxes_back(found.boxes)
        truths = self._entries(sample.boxes, sample.labels, len(self._truths))
        seen = self._entries(boxes, self._columns[found.labels], len(self._found))
        for entry, score in zip(seen, found.scores.tolist(), strict=True):
            entry["score"] = score
        self._complete(truths, seen, found, outputs, sample)
        self._truths += truths
        self._found += seen
        self._images.append({"id": len(self._images), "width": width, "height": height})

    def _complete(
        self,
        truths: list[dict[str, Any]],
        seen: list[dict[str, Any]],
        found: Found,
        outputs: Mapping[str, np.ndarray],
        sample: Sample,
    ) -> None:
        """Add to a sample's entries what else is compared."""

    def figures(self) -> dict[str, float | None]:
        """Return `map50` and `map`, the number of `frames`, and `map50 NAME` of each class that was to be found.

        `map50` and `map` are None where nothing was to be found.

        Raises:
            EvaluationError: there were no frames.
        """
        if not self._images:
            raise EvaluationError("There are no frames to measure detection by.")
        precision = self._precision()
        figures = {"map50": mean(precision[0]), "map": mean(precision), "frames": len(self._images)}
        for index, column in enumerate(self._columns.tolist()):
            if (precision[0, :, index] >= 0).all():
                figures[f"map50 {self._classes[column]}"] = mean(precision[0, :, index])
        return figures

    def _entries(self, boxes: np.ndarray, labels: np.ndarray, start: int) -> list[dict[str, Any]]:
        low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
        sides = high - low
        places = np.concatenate([low, sides], axis=1).tolist()
        return [
            {"id": start + number, "image_id": len(self._images), "category_id": label, "bbox": place, "area": place[3]}
            | {"iscrowd": 0}
            for number, (place, label) in enumerate(zip(places, labels.tolist(), strict=True), start=1)
        ]

    def _precision(self, what: str = "bbox", **how: Any) -> np.ndarray:
        """(10, 101, C) by IoU threshold from 0.5 on, recall and class; -1 where there is nothing to find."""
        categories = [{"id": column} for column in self._columns.tolist()]
        sides = []
        for entries in (self._truths, self._found):
            side = COCO()
            side.dataset = {"images": self._images, "categories": categories, "annotations": entries}
            side.createIndex()
            sides.append(side)
        coco = COCOeval_faster(*sides, iouType=what, **how)
        coco.params.catIds = self._columns.tolist()
        coco.params.areaRng, coco.params.areaRngLbl = [[LEAST_ROWS, np.inf]], ["all"]
        coco.params.maxDets = [MOST]
        coco.evaluate()
        coco.accumulate()
        return np.asarray(coco.eval["precision"])[:, :, :, 0, 0]


def mean(precision: np.ndarray) -> float | None:
    """Mean of the entries that something was to be found for, None where there are none."""
    known = precision[precision >= 0]
    return float(known.mean()) if known.size else None
