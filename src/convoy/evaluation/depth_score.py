"""Errors of depth, pixel by pixel, as the field states them (Eigen et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convoy.evaluation.steering import EvaluationError
from convoy.inference import ModelCard

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample

FARTHEST_M = 60.0
"""Beyond it nothing is compared."""
_NEAREST_M = 1e-3
_SPARSE = 97
"""One of so many depths is kept for the constant predictor."""


class DepthScore:
    """Gives the means over all known pixels up to `FARTHEST_M`.

    `abs_rel` is the mean of the error's share of the depth, `rmse` in metres, `delta1` the share of pixels that are
    less than a factor of 1.25 off. `constant_abs_rel` is that of always saying the median of the true depths.
    """

    def __init__(self, card: ModelCard) -> None:
        self._input = card.camera
        self._sums = np.zeros(3)
        self._pixels = self._frames = 0
        self._some: list[np.ndarray] = []

    def add(self, outputs: Mapping[str, Any], sample: Sample) -> None:
        assert sample.depth is not None  # `measure` saw to it
        height, width = sample.depth.shape
        fit = self._input.fit(width, height)
        scale = 1.0
        if self._input.focal_length and sample.camera is not None:
            scale = sample.camera[1, 1] * fit.scale[1] / self._input.focal_length
        known = np.isfinite(sample.depth) & (sample.depth > 0) & (sample.depth <= FARTHEST_M)
        true = sample.depth[known].astype(np.float64)
        found = np.clip(scale * fit.depth_back(outputs["depth"])[known].astype(np.float64), _NEAREST_M, FARTHEST_M)
        ratio = np.maximum(found / true, true / found)
        error = found - true
        self._sums += (np.abs(error) / true).sum(), np.square(error).sum(), (ratio < 1.25).sum()
        self._pixels += true.size
        self._frames += 1
        self._some.append(true[::_SPARSE])

    def figures(self) -> dict[str, float]:
        if not self._pixels:
            raise EvaluationError(f"There is not one pixel whose depth is known and at most {FARTHEST_M:.0f} m.")
        abs_rel, square, near = self._sums / self._pixels
        true = np.concatenate(self._some)
        return {
            "abs_rel": float(abs_rel),
            "rmse": float(np.sqrt(square)),
            "delta1": float(near),
            "frames": self._frames,
            "constant_abs_rel": float(np.mean(np.abs(np.median(true) - true) / true)),
        }
