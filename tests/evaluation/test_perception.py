"""Figures of perception models, against cases whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.evaluation.classification_score import ClassificationScore
from convoy.evaluation.depth_score import DepthScore
from convoy.evaluation.perception import NEEDS, SCORES, check_classes, needs_of
from convoy.evaluation.relocalisation_score import RelocalisationScore
from convoy.evaluation.segmentation_score import SegmentationScore
from convoy.evaluation.shared_score import SharedScore
from convoy.evaluation.steering import EvaluationError
from convoy.inference import CameraInput, ModelCard, ModelOutput
from convoy.learning.datasets.sample import Sample
from convoy.learning.perception.tasks import TASKS

IMAGE = np.zeros((4, 8, 3), np.uint8)


def make_card(task: str, outputs: dict[str, str], classes: tuple[str, ...] = (), **camera: float) -> ModelCard:
    return ModelCard(
        name="net",
        task=task,
        description="",
        input=CameraInput(width=8, height=4, **camera),
        outputs=tuple(ModelOutput(name=name, unit=unit) for name, unit in outputs.items()),
        classes=classes,
        licence="",
        revision="",
        command="",
    )


def test_every_task_is_measured() -> None:
    assert list(SCORES) == list(NEEDS)
    assert set(SCORES) == set(TASKS)


def test_a_shared_model_is_measured_by_poses_too_where_it_has_a_map() -> None:
    outputs = {"boxes": "px", "scores": "probability", "mask": "class", "depth": "m"}
    without = make_card("perception", outputs, ("a", "b"))
    assert needs_of(without) == ("boxes", "mask", "depth")
    mapped = make_card("perception", outputs | {"pose": "m, quaternion", "deviation": "m, rad"}, ("a", "b"))
    assert needs_of(mapped) == ("boxes", "mask", "depth", "pose")
    known = Sample(
        "one",
        IMAGE,
        boxes=np.array([[0, 0, 4, 4]], np.float32),
        labels=np.array([1]),
        mask=np.zeros((4, 8), np.uint8),
        depth=np.ones((4, 8), np.float32),
        pose=np.array([0, 0, 0, 0, 0, 0, 1.0]),
    )
    found = {
        "boxes": known.boxes,
        "scores": np.array([[0, 1]], np.float32),
        "mask": known.mask,
        "depth": known.depth,
        "pose": np.array([3, 4, 0, 0, 0, 0, 1.0]),
        "deviation": np.ones(6),
    }
    for card, poses in ((without, False), (mapped, True)):
        score = SharedScore(card)
        score.add(found, known)
        figures = score.figures()
        assert figures["miou"] == 1
        assert figures.get("median_m") == (5.0 if poses else None)


def test_intersection_over_union_is_the_mean_over_classes_that_occur_and_void_counts_for_nothing() -> None:
    score = SegmentationScore(make_card("segmentation", {"mask": "class"}, ("a", "b", "c")))
    mask = np.zeros((4, 8), np.uint8)
    mask[:, 4:] = 1
    mask[0] = 255
    found = np.zeros((4, 8), np.uint8)
    found[:, 6:] = 1
    score.add({"mask": found}, Sample("one", IMAGE, mask=mask))
    figures = score.figures()
    assert figures["iou a"] == pytest.approx(12 / 18)
    assert figures["iou b"] == pytest.approx(6 / 12)
    assert figures["miou"] == pytest.approx((12 / 18 + 6 / 12) / 2)
    assert figures["accuracy"] == pytest.approx(18 / 24)
    assert "iou c" not in figures
    assert figures["frames"] == 1


def test_depth_that_is_not_known_counts_for_nothing() -> None:
    score = DepthScore(make_card("depth", {"depth": "m"}))
    true = np.full((4, 8), 2.0, np.float32)
    true[0] = np.nan
    true[1] = np.inf
    true[2] = (0, -1, 0, -1, 0, -1, 0, -1)
    score.add({"depth": np.full((4, 8), 3.0, np.float32)}, Sample("one", IMAGE, depth=true))
    assert score.figures()["abs_rel"] == pytest.approx(0.5)
    nothing = DepthScore(make_card("depth", {"depth": "m"}))
    nothing.add({"depth": true}, Sample("one", IMAGE, depth=np.full((4, 8), np.nan, np.float32)))
    with pytest.raises(EvaluationError, match="not one pixel whose depth is known"):
        nothing.figures()


def test_a_mask_is_compared_at_the_size_of_the_source() -> None:
    score = SegmentationScore(make_card("segmentation", {"mask": "class"}, ("a", "b")))
    mask = np.repeat([[0] * 7 + [1] * 9], 12, axis=0).astype(np.uint8)
    found = np.repeat([[0] * 4 + [1] * 4], 4, axis=0).astype(np.uint8)
    score.add({"mask": found}, Sample("large", np.zeros((12, 16, 3), np.uint8), mask=mask))
    assert score.figures()["accuracy"] == pytest.approx(15 / 16)


def test_depth_is_scaled_by_the_focal_length_and_compared_up_to_sixty_metres() -> None:
    score = DepthScore(make_card("depth", {"depth": "m"}, focal_length=4.0))
    true = np.full((4, 8), 10, np.float32)
    true[0], true[1] = 0, 80
    camera = np.array([[8.0, 0, 3.5], [0, 8, 1.5], [0, 0, 1]])
    score.add({"depth": np.full((4, 8), 6, np.float32)}, Sample("one", IMAGE, depth=true, camera=camera))
    figures = score.figures()
    assert figures["abs_rel"] == pytest.approx(0.2)
    assert figures["rmse"] == pytest.approx(2)
    assert figures["delta1"] == 1
    assert figures["constant_abs_rel"] == 0


def test_poses_are_compared_by_medians_whatever_the_sign_of_the_quaternion() -> None:
    score = RelocalisationScore(make_card("relocalisation", {"pose": "m, quaternion", "deviation": "m, rad"}))
    turn = np.radians(10) / 2
    for off in (1.0, 2.0, 30.0):
        found = np.array([off, 0, 0, 0, 0, -np.sin(turn), -np.cos(turn)], np.float32)
        true = Sample("one", IMAGE, pose=np.array([0, 0, 0, 0, 0, 0, 1.0]))
        score.add({"pose": found, "deviation": np.full(6, 1 / np.sqrt(3), np.float32)}, true)
    figures = score.figures()
    assert figures["median_m"] == pytest.approx(2)
    assert figures["median_deg"] == pytest.approx(10, rel=1e-4)
    assert figures["sigmas_m"] == pytest.approx(2, rel=1e-5)


def test_accuracy_is_the_share_of_right_pictures() -> None:
    score = ClassificationScore(make_card("classification", {"probabilities": "probability"}, ("cat", "dog")))
    for truth, said in ((0, 0), (0, 1), (1, 1), (1, 1)):
        score.add({"probabilities": np.eye(2)[said]}, Sample("one", IMAGE, category=truth))
    assert score.figures() == {"accuracy": 0.75, "frames": 4, "recall cat": 0.5, "recall dog": 1.0}


@pytest.mark.parametrize(
    "score",
    [
        SegmentationScore(make_card("segmentation", {"mask": "class"}, ("a",))),
        DepthScore(make_card("depth", {"depth": "m"})),
        RelocalisationScore(make_card("relocalisation", {"pose": "m, quaternion", "deviation": "m, rad"})),
        ClassificationScore(make_card("classification", {"probabilities": "probability"}, ("a",))),
    ],
)
def test_nothing_has_no_figures(score: SegmentationScore | DepthScore | RelocalisationScore) -> None:
    with pytest.raises(EvaluationError, match="There is not one"):
        score.figures()


def test_classes_mean_the_same_to_model_and_data() -> None:
    card = make_card("segmentation", {"mask": "class"}, ("a", "b"))
    check_classes(card, ("a", "b"))
    with pytest.raises(EvaluationError, match="net tells a, b apart; the data has b, a"):
        check_classes(card, ("b", "a"))
