"""How good a perception model is: the very file that the robot runs, on samples whose truth is known."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from convoy.evaluation.steering import EvaluationError
from convoy.inference import ModelCard, Session

if TYPE_CHECKING:
    from convoy.learning.datasets.sample import Sample

SCORES = {
    "detection": "convoy.evaluation.detection_score:DetectionScore",
    "instances": "convoy.evaluation.instance_score:InstanceScore",
    "keypoints": "convoy.evaluation.keypoint_score:KeypointScore",
    "segmentation": "convoy.evaluation.segmentation_score:SegmentationScore",
    "depth": "convoy.evaluation.depth_score:DepthScore",
    "relocalisation": "convoy.evaluation.relocalisation_score:RelocalisationScore",
    "perception": "convoy.evaluation.shared_score:SharedScore",
    "classification": "convoy.evaluation.classification_score:ClassificationScore",
}
"""The score of each task; imported when it is asked for."""

NEEDS = {
    "detection": ("boxes",),
    "instances": ("boxes", "instances"),
    "keypoints": ("boxes", "keypoints"),
    "segmentation": ("mask",),
    "depth": ("depth",),
    "relocalisation": ("pose",),
    "perception": ("boxes", "mask", "depth"),
    "classification": ("category",),
}
"""The fields of `Sample` that each task's score compares with; a shared model of a map is compared with poses too."""


class Score(Protocol):
    """Compares what a model gives with the truth, sample by sample; made from the model's card."""

    def add(self, outputs: Mapping[str, Any], sample: Sample) -> None:
        """Take what the model gave for a sample's image, in pixels of the net's input.

        Raises:
            EvaluationError: the truth does not belong to what the model gives.
        """
        ...

    def figures(self) -> Mapping[str, float | None]:
        """Give the figures over all that was added; None are those that are not defined.

        Raises:
            EvaluationError: nothing was.
        """
        ...


def open_score(card: ModelCard) -> Score:
    """Return the score for a model."""
    module, _, class_ = SCORES[card.task].partition(":")
    score: Score = getattr(importlib.import_module(module), class_)(card)
    return score


def needs_of(card: ModelCard) -> tuple[str, ...]:
    """The fields of `Sample` that a model's figures take."""
    needs = NEEDS[card.task]
    return (*needs, "pose") if card.gives("pose") and "pose" not in needs else needs


def measure(session: Session, samples: Iterable[Sample]) -> dict[str, float | None]:
    """Run a model on all samples and give its figures, `frames` among them; None are those that are not defined.

    Raises:
        EvaluationError: a sample lacks the truth, or it belongs to something else.
        ModelError: the model failed to run.
    """
    score, needs = open_score(session.card), needs_of(session.card)
    for sample in samples:
        for name in needs:
            if getattr(sample, name) is None:
                raise EvaluationError(f"{sample.name} has no {name}, which {session.card.name} is measured by.")
        score.add(session.run(sample.image), sample)
    return dict(score.figures())


def check_classes(card: ModelCard, classes: tuple[str, ...]) -> None:
    """See to it that numbers mean the same classes to a model and to the data.

    Raises:
        EvaluationError: they don't.
    """
    if card.classes and card.classes != classes:
        raise EvaluationError(
            f"{card.name} tells {', '.join(card.classes)} apart; the data has {', '.join(classes)}. "
            "Measure with data of the same classes."
        )
