"""The score of detection: what counts, what does not, and in whose pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("faster_coco_eval", reason="measuring detection needs the extra 'learn'")

from convoy.evaluation.detection_score import DetectionScore
from convoy.evaluation.steering import EvaluationError
from convoy.inference import CameraInput, ModelCard, ModelOutput
from convoy.learning.datasets.sample import Sample

CAR, PERSON = 0, 2
HIGH, LOW, ELSEWHERE = (0, 0, 10, 20), (30, 30, 40, 40), (30, 30, 40, 45)
SURE, LESS = (0.9, 0.0), (0.5, 0.0)


def score(width: int = 64, height: int = 64) -> DetectionScore:
    outputs = (ModelOutput(name="boxes", unit="px"), ModelOutput(name="scores", unit="probability"))
    card = ModelCard(
        name="boards",
        task="detection",
        description="Finds boards.",
        input=CameraInput(width=width, height=height),
        outputs=outputs,
        classes=("car", "sky", "person"),
        boxed=(CAR, PERSON),
        licence="CC0-1.0",
        revision="",
        command="test",
    )
    return DetectionScore(card)


def figures(truths: list, labels: list[int], boxes: list, scores: list, of: DetectionScore | None = None) -> dict:
    of = of or score()
    outputs = {
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "scores": np.array(scores, np.float32).reshape(-1, 2),
    }
    sample = Sample(
        name="first",
        image=np.zeros((64, 64, 3), np.uint8),
        boxes=np.array(truths, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
    )
    of.add(outputs, sample)
    return of.figures()


def test_what_is_found_where_it_is_is_right() -> None:
    assert figures([HIGH], [CAR], [HIGH], [SURE]) == {"map50": 1, "map": 1, "map50 car": 1, "frames": 1}


def test_columns_are_of_the_classes_that_have_boxes() -> None:
    assert figures([HIGH], [PERSON], [HIGH], [(0.0, 0.9)])["map50 person"] == 1
    assert figures([HIGH], [PERSON], [HIGH], [(0.9, 0.0)])["map50 person"] == 0


def test_what_is_missed_and_what_is_not_there_cost() -> None:
    assert figures([HIGH], [CAR], [], [])["map50"] == 0
    # The curve goes to precision 1/2, for the surer one is wrong.
    assert figures([HIGH], [CAR], [HIGH, ELSEWHERE], [LESS, SURE])["map50"] == pytest.approx(0.5)


def test_a_box_half_right_counts_by_its_overlap() -> None:
    found = figures([HIGH], [CAR], [(0, 0, 10, 15)], [SURE])
    assert found["map50"] == 1
    # An overlap of 0.75 passes 6 of the 10 thresholds from 0.5 to 0.95.
    assert found["map"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("truths", "boxes", "scores"),
    [
        ([HIGH, LOW], [HIGH], [LESS]),
        ([HIGH, LOW], [HIGH, LOW], [LESS, SURE]),
        ([HIGH], [HIGH, LOW], [LESS, SURE]),
    ],
    ids=["missed", "found", "not there"],
)
def test_what_is_lower_than_12_rows_neither_helps_nor_costs(truths: list, boxes: list, scores: list) -> None:
    assert figures(truths, [CAR] * len(truths), boxes, scores)["map50"] == 1


def test_of_boxes_on_one_thing_one_is_looked_at() -> None:
    second = (0, 0, 10, 19)
    assert figures([HIGH], [CAR], [second, HIGH], [LESS, SURE])["map"] == 1


def test_boxes_are_compared_in_pixels_of_the_source_image() -> None:
    assert figures([HIGH], [CAR], [(0, 0, 5, 40)], [SURE], score(32, 128))["map"] == 1


def test_where_nothing_is_to_be_found_the_figures_are_there_and_undefined() -> None:
    undefined = {"map50": None, "map": None, "frames": 1}
    assert figures([], [], [HIGH], [SURE]) == undefined
    assert figures([], [], [], []) == undefined
    assert figures([LOW], [CAR], [], []) == undefined
    assert json.dumps(undefined) == json.dumps(figures([], [], [], [])), "frames are counted, as in other scores"
    with pytest.raises(EvaluationError, match="no frames to measure detection by"):
        score().figures()


def test_a_truth_that_the_model_knows_nothing_of_is_an_error() -> None:
    with pytest.raises(EvaluationError, match=r"first has a box of class 1; .* boxes of 0 \(car\), 2 \(person\)"):
        figures([HIGH], [1], [], [])
