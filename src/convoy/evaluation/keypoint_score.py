"""How well the points of things are found: mean average precision by object keypoint similarity, as COCO defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convoy.evaluation.detection_score import DetectionScore, mean
from convoy.evaluation.steering import EvaluationError
from convoy.perception.boxes import Found

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample

PERSON = (26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89)
"""How far people differ about COCO's 17 points of a person, in thousandths of the person's size."""


class KeypointScore(DetectionScore):
    """Compares points as well: `oks_map50` and `oks_map`.

    A thing's size is that of 53 % of its box, which is about what it covers of it. Of points other than COCO's 17 the
    mean of their tolerances is taken.
    """

    def figures(self) -> dict[str, float | None]:
        """Return what `DetectionScore` does, and `oks_map50` and `oks_map`, None where no points were to be found.

        Raises:
            EvaluationError: there were no frames.
        """
        figures = super().figures()
        points = max((len(entry["keypoints"]) // 3 for entry in self._truths), default=0)
        if not any(entry["num_keypoints"] for entry in self._truths):
            return figures | {"oks_map50": None, "oks_map": None}
        sigmas = PERSON if points == len(PERSON) else (float(np.mean(PERSON)),) * points
        how = {"kpt_oks_sigmas": [sigma / 1000 for sigma in sigmas], "use_area": False}
        precision = self._precision("keypoints", **how)
        return figures | {"oks_map50": mean(precision[0]), "oks_map": mean(precision)}

    def _complete(
        self,
        truths: list[dict[str, Any]],
        seen: list[dict[str, Any]],
        found: Found,
        outputs: Mapping[str, np.ndarray],
        sample: Sample,
    ) -> None:
        points = outputs["keypoints"].shape[1]
        if sample.keypoints is None or sample.keypoints.shape[1] != points:
            there = "no" if sample.keypoints is None else sample.keypoints.shape[1]
            raise EvaluationError(f"{sample.name} has {there} keypoints, the model finds {points} of each thing.")
        for entry, known in zip(truths, sample.keypoints, strict=True):
            entry |= {"keypoints": known.ravel().tolist(), "num_keypoints": int((known[:, 2] > 0).sum())}
        fit = self._camera.fit(sample.image.shape[1], sample.image.shape[0])
        places = (outputs["keypoints"][found.rows, :, :2] - (fit.left, fit.top)) / fit.scale
        for entry, place in zip(seen, places, strict=True):
            entry["keypoints"] = np.concatenate([place, np.ones((points, 1))], axis=1).ravel().tolist()
