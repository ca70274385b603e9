"""How far a camera's pose is from the true one, in metres and degrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convoy.evaluation.steering import EvaluationError
from convoy.inference import ModelCard

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample


class RelocalisationScore:
    """Gives the medians `median_m` and `median_deg` over all pictures.

    `constant_m` is the median of always saying the middle of the true positions, and `sigmas_m` that of the error in
    units of the deviation that the model states for it: about 1 where it knows how sure it is.
    """

    def __init__(self, card: ModelCard) -> None:
        self._true: list[np.ndarray] = []
        self._found: list[np.ndarray] = []
        self._deviation: list[np.ndarray] = []

    def add(self, outputs: Mapping[str, Any], sample: Sample) -> None:
        assert sample.pose is not None  # `measure` saw to it
        self._true.append(sample.pose)
        self._found.append(outputs["pose"])
        self._deviation.append(outputs["deviation"])

    def figures(self) -> dict[str, float]:
        if not self._true:
            raise EvaluationError("There is not one picture whose pose is known.")
        true, found = np.stack(self._true), np.stack(self._found).astype(np.float64)
        distance = np.linalg.norm(found[:, :3] - true[:, :3], axis=1)
        dot = np.abs((found[:, 3:] * true[:, 3:]).sum(axis=1))
        angle = 2 * np.degrees(np.arccos(np.clip(dot / np.linalg.norm(true[:, 3:], axis=1), 0, 1)))
        deviation = np.linalg.norm(np.stack(self._deviation)[:, :3], axis=1)
        return {
            "median_m": float(np.median(distance)),
            "median_deg": float(np.median(angle)),
            "frames": len(distance),
            "constant_m": float(np.median(np.linalg.norm(true[:, :3] - true[:, :3].mean(axis=0), axis=1))),
            "sigmas_m": float(np.median(distance / np.maximum(deviation, 1e-9))),
        }
