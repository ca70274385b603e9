"""The score of keypoints, against cases whose similarity is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("faster_coco_eval", reason="measuring keypoints needs the extra 'learn'")

from convoy.evaluation.keypoint_score import PERSON, KeypointScore
from convoy.evaluation.steering import EvaluationError
from convoy.inference import CameraInput, ModelCard, ModelOutput
from convoy.learning.datasets.sample import Sample

BOX = (10.0, 10.0, 50.0, 60.0)


def figures(points: int, off_px: float, known: int | None = None, truth: int | None = None) -> dict[str, float]:
    """Of a net that takes pictures of half the size, whose points are all so far to the right of the true ones."""
    outputs = {"boxes": "px", "scores": "probability", "keypoints": "px, score"}
    card = ModelCard(
        name="people",
        task="keypoints",
        description="Finds joints.",
        input=CameraInput(width=32, height=32),
        outputs=tuple(ModelOutput(name=name, unit=unit) for name, unit in outputs.items()),
        classes=("person",),
        licence="CC0-1.0",
        revision="",
        command="test",
    )
    places = np.random.default_rng(0).uniform(12, 48, (points, 2)).astype(np.float32)
    seen = np.ones((points, 1), np.float32)
    seen[known if known is not None else points :] = 0
    sample = Sample(
        name="first",
        image=np.zeros((64, 64, 3), np.uint8),
        boxes=np.array([BOX], np.float32),
        labels=np.array([0]),
        keypoints=np.concatenate([places, seen], 1)[None, : truth or points],
    )
    found = np.concatenate([(places + np.array([off_px, 0])) / 2, seen * 9], 1)[None]
    score = KeypointScore(card)
    score.add(
        {"boxes": np.array([BOX], np.float32) / 2, "scores": np.array([[0.9]], np.float32), "keypoints": found}, sample
    )
    return score.figures()


def test_points_where_they_are_are_right() -> None:
    assert figures(17, 0.0) == {"map50": 1, "map": 1, "map50 person": 1, "frames": 1, "oks_map50": 1, "oks_map": 1}


def similarity(off_px: float, sigmas: tuple[float, ...]) -> float:
    area = 0.53 * (BOX[2] - BOX[0]) * (BOX[3] - BOX[1])
    return float(np.mean([math.exp(-(off_px**2) / (2 * area * (2 * sigma / 1000) ** 2)) for sigma in sigmas]))


@pytest.mark.parametrize("off_px", [1.0, 2.0, 4.0, 6.0, 12.0])
def test_what_is_off_counts_by_cocos_similarity(off_px: float) -> None:
    oks = similarity(off_px, PERSON)
    thresholds = np.linspace(0.5, 0.95, 10)
    assert abs(thresholds - oks).min() > 1e-3
    found = figures(17, off_px)
    assert found["map"] == 1
    assert found["oks_map"] == pytest.approx(np.mean(oks >= thresholds))
    assert found["oks_map50"] == (oks >= 0.5)


def test_other_points_have_the_mean_tolerance() -> None:
    oks = similarity(3.0, (float(np.mean(PERSON)),))
    assert figures(3, 3.0)["oks_map"] == pytest.approx(np.mean(oks >= np.linspace(0.5, 0.95, 10)))


def test_points_that_are_not_known_count_for_nothing() -> None:
    assert figures(17, 0.0, known=4)["oks_map"] == 1
    found = figures(17, 0.0, known=0)
    assert (found["map"], found["oks_map50"], found["oks_map"]) == (1, None, None)


def test_another_number_of_points_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="first has 5 keypoints, the model finds 17"):
        figures(17, 0.0, truth=5)
