"""How often the class of a whole picture is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convoy.evaluation.steering import EvaluationError
from convoy.inference import ModelCard

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample


class ClassificationScore:
    """Gives `accuracy` over all pictures, and `recall CLASS`."""

    def __init__(self, card: ModelCard) -> None:
        self._classes = card.classes
        self._right, self._all = (np.zeros(len(card.classes)) for _ in range(2))

    def add(self, outputs: Mapping[str, Any], sample: Sample) -> None:
        assert sample.category is not None  # `measure` saw to it
        self._all[sample.category] += 1
        self._right[sample.category] += int(np.argmax(outputs["probabilities"])) == sample.category

    def figures(self) -> dict[str, float]:
        if not self._all.any():
            raise EvaluationError("There is not one picture whose class is known.")
        recalls = {
            f"recall {name}": float(right / count)
            for name, right, count in zip(self._classes, self._right, self._all, strict=True)
            if count
        }
        return {"accuracy": float(self._right.sum() / self._all.sum()), "frames": int(self._all.sum()), **recalls}
