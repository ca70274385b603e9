"""How well things are cut out: mean average precision of boxes and of masks, as COCO defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_coco_eval.core import mask as run_lengths

from convoy.evaluation.detection_score import DetectionScore, mean
from convoy.evaluation.steering import EvaluationError
from convoy.perception.boxes import Found
from convoy.perception.instances import paint

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample


class InstanceScore(DetectionScore):
    """Compares masks as well, each for itself: where things cover each other nobody is in front."""

    def figures(self) -> dict[str, float | None]:
        """Return what `DetectionScore` does, and `mask_map50` and `mask_map`.

        Raises:
            EvaluationError: there were no frames.
        """
        figures = super().figures()
        precision = self._precision("segm")
        return figures | {"mask_map50": mean(precision[0]), "mask_map": mean(precision)}

    def _complete(
        self,
        truths: list[dict[str, Any]],
        seen: list[dict[str, Any]],
        found: Found,
        outputs: Mapping[str, np.ndarray],
        sample: Sample,
    ) -> None:
        if sample.instances is None or sample.instance_ids is None:
            raise EvaluationError(f"{sample.name} has no instances, which instance segmentation is measured by.")
        for entry, number in zip(truths, sample.instance_ids.tolist(), strict=True):
            entry["segmentation"] = _encode(sample.instances == number)
        fit = self._camera.fit(sample.image.shape[1], sample.image.shape[0])
        # The whole box is where the mask is, even the part that is cut off at the image's edge.
        boxes = (found.boxes - np.array([fit.left, fit.top] * 2)) / np.array(fit.scale * 2)
        for entry, box, row in zip(seen, boxes, found.rows, strict=True):
            numbers = np.zeros(sample.image.shape[:2], np.uint16)
            paint(numbers, outputs["masks"][row], box, 1)
            entry["segmentation"] = _encode(numbers == 1)


def _encode(mask: np.ndarray) -> Any:
    return run_lengths.encode(np.asfortranarray(mask, np.uint8))
