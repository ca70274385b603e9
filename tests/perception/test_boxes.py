"""Choosing boxes: as torchvision does it, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.perception.boxes import iou, select

BOXES = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [0, 0, 10, 5]], np.float32)


def test_intersection_over_union() -> None:
    assert iou(BOXES[:1], BOXES)[0] == pytest.approx([1, 90 / 110, 0, 0.5])
    nothing = np.zeros((1, 4), np.float32)
    assert iou(nothing, nothing).tolist() == [[0]]


def test_of_overlapping_boxes_of_a_class_the_best_stays() -> None:
    scores = np.array([[0.8], [0.9], [0.3], [0.7]], np.float32)
    found = select(BOXES, scores, 0.25, 0.5, 10)
    assert found.rows.tolist() == [1, 3, 2]
    assert found.scores.tolist() == pytest.approx([0.9, 0.7, 0.3])
    assert select(BOXES, scores, 0.5, 0.5, 10).rows.tolist() == [1, 3]
    assert select(BOXES, scores, 0.25, 0.5, 1).rows.tolist() == [1]


def test_boxes_of_different_classes_do_not_mind_each_other() -> None:
    scores = np.array([[0.8, 0.0], [0.0, 0.9], [0.0, 0.0], [0.0, 0.0]], np.float32)
    found = select(BOXES, scores, 0.25, 0.5, 10)
    assert list(zip(found.rows.tolist(), found.labels.tolist(), strict=True)) == [(1, 1), (0, 0)]


def test_one_box_may_be_of_two_classes() -> None:
    found = select(BOXES[:1], np.array([[0.6, 0.7]], np.float32), 0.5, 0.5, 10)
    assert (found.rows.tolist(), found.labels.tolist()) == ([0, 0], [1, 0])


def test_nothing_gives_nothing() -> None:
    for boxes, scores in ((np.zeros((0, 4)), np.zeros((0, 3))), (BOXES, np.zeros((4, 3)))):
        assert len(select(boxes.astype(np.float32), scores.astype(np.float32), 0.1, 0.5, 10)) == 0


def test_it_is_what_torchvision_does() -> None:
    torch = pytest.importorskip("torch", reason="compares with torchvision (extra 'learn')")
    from torchvision.ops import batched_nms

    rng = np.random.default_rng(0)
    low = rng.uniform(0, 80, (300, 2))
    boxes = np.hstack([low, low + rng.uniform(1, 40, (300, 2))]).astype(np.float32)
    scores = rng.random((300, 4), np.float32)
    found = select(boxes, scores, 0.6, 0.45, 1000)
    rows, labels = np.nonzero(scores >= 0.6)
    values = scores[rows, labels]
    kept = batched_nms(*(torch.from_numpy(part) for part in (boxes[rows], values, labels)), 0.45).numpy()
    assert found.rows.tolist() == rows[kept].tolist()
    assert found.labels.tolist() == labels[kept].tolist()
