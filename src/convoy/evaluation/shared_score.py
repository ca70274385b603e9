"""The figures of a shared perception model: those of all its heads, from the same run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convoy.evaluation.depth_score import DepthScore
from convoy.evaluation.detection_score import DetectionScore
from convoy.evaluation.relocalisation_score import RelocalisationScore
from convoy.evaluation.segmentation_score import SegmentationScore
from convoy.inference import ModelCard

if TYPE_CHECKING:
    from convoy.evaluation.perception import Score
    from convoy.learning.datasets.sample import Sample


class SharedScore:
    """Gives all figures of `DetectionScore`, `SegmentationScore`, `DepthScore`; with a map, `RelocalisationScore`."""

    def __init__(self, card: ModelCard) -> None:
        self._scores: list[Score] = [DetectionScore(card), SegmentationScore(card), DepthScore(card)]
        if card.gives("pose"):
            self._scores.append(RelocalisationScore(card))

    def add(self, outputs: Mapping[str, Any], sample: Sample) -> None:
        for score in self._scores:
            score.add(outputs, sample)

    def figures(self) -> dict[str, float | None]:
        return {name: value for score in self._scores for name, value in score.figures().items()}
