"""The forms of networks from elsewhere, by numbers that can be worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from convoy.inference import ModelError
from convoy.inference.box_forms import MOST
from convoy.inference.forms import Form

WIDTH, HEIGHT = 64, 32


def decode(form: dict[str, Any], raw: dict[str, Any], classes: int = 2) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(values, None if name == "labels" else np.float32) for name, values in raw.items()}
    return TypeAdapter(Form).validate_python(form).decode(arrays, WIDTH, HEIGHT, classes)


def test_boxes_with_scores_and_labels() -> None:
    raw = {"boxes": [[1, 2, 3, 4], [5, 6, 7, 8]], "scores": [0.9, 0.8], "labels": [2, 1]}
    found = decode({"form": "boxes", "labels": "labels", "first_class": 1}, raw)
    assert found["boxes"].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert found["scores"] == pytest.approx(np.array([[0, 0.9], [0.8, 0]]))


def test_boxes_of_a_class_that_the_card_does_not_name_have_no_score() -> None:
    raw = {"boxes": [[1, 2, 3, 4]], "scores": [0.9], "labels": [7]}
    assert decode({"form": "boxes", "labels": "labels"}, raw)["scores"].tolist() == [[0, 0]]


def test_no_boxes_at_all() -> None:
    raw = {"boxes": np.zeros((0, 4)), "scores": np.zeros(0), "labels": np.zeros(0, np.int64)}
    found = decode({"form": "boxes", "labels": "labels"}, raw)
    assert (found["boxes"].shape, found["scores"].shape) == ((0, 4), (0, 2))


def test_boxes_in_parts_with_the_scores_of_all_classes_and_the_last_column_for_nothing() -> None:
    raw = {"boxes": [[[0.5, 0.5, 0.25, 0.5]]], "scores": [[[0.0, 0.0, 0.0]]]}
    form = {"form": "boxes", "corners": "cxcywh", "unit": "part", "activation": "softmax"}
    found = decode(form, raw)
    assert found["boxes"].tolist() == [[24, 8, 40, 24]]
    assert found["scores"] == pytest.approx(np.full((1, 2), 1 / 3))


def test_yolov5_multiplies_by_objectness() -> None:
    raw = {"output0": [[[10, 20, 4, 6, 0.5, 0.8, 0.2]]]}
    found = decode({"form": "yolov5"}, raw)
    assert found["boxes"].tolist() == [[8, 17, 12, 23]]
    assert found["scores"] == pytest.approx(np.array([[0.4, 0.1]]))


def test_yolov8_has_boxes_in_columns() -> None:
    raw = {"output0": np.array([[10, 20, 4, 6, 0.8, 0.2], [1, 1, 2, 2, 0.1, 0.3]]).T[None]}
    found = decode({"form": "yolov8"}, raw)
    assert found["boxes"].tolist() == [[8, 17, 12, 23], [0, 0, 2, 2]]
    assert found["scores"] == pytest.approx(np.array([[0.8, 0.2], [0.1, 0.3]]))


def test_a_yolo_of_another_number_of_classes_is_named() -> None:
    with pytest.raises(ModelError, match=r"shape \(1, 6, 1\); yolov8 with 80 classes has 84 values"):
        decode({"form": "yolov8"}, {"output0": np.zeros((1, 6, 1))}, classes=80)


def test_yolox_shifts_the_cells_of_its_grids() -> None:
    rows = np.zeros((1, 8 + 2, 7))  # strides 16 and 32 in 64x32: 4x2 and 2x1 cells
    rows[0, 5] = [0.5, 0.25, math.log(2), 0, 0.5, 1.0, 0.0]  # row 1, column 1 of the first grid
    rows[0, 9] = [0, 0, 0, 0, 1.0, 0.0, 0.5]  # column 1 of the second
    found = decode({"form": "yolox", "strides": [16, 32]}, {"output": rows})
    assert found["boxes"][5] == pytest.approx([24 - 16, 20 - 8, 24 + 16, 20 + 8])
    assert found["boxes"][9] == pytest.approx([16, -16, 48, 16])
    assert found["scores"][5] == pytest.approx([0.5, 0])
    assert found["scores"][9] == pytest.approx([0, 0.5])


def test_fcos_measures_from_the_points_of_its_grids() -> None:
    scores, distances, centreness = np.full((1, 2, 2, 4), -80.0), np.zeros((1, 4, 2, 4)), np.full((1, 1, 2, 4), 80.0)
    scores[0, 1, 1, 2] = 0.0  # one half
    distances[0, :, 1, 2] = [1, 0.5, 0.25, 0.5]
    raw = {"s": scores, "d": distances, "c": centreness}
    form = {"form": "fcos", "scores": ["s"], "distances": ["d"], "centreness": ["c"], "strides": [16]}
    found = decode(form, raw)
    assert found["boxes"][6] == pytest.approx([40 - 16, 24 - 8, 40 + 4, 24 + 8])
    assert found["scores"][6] == pytest.approx([0, math.sqrt(0.5)], abs=1e-6)


def test_a_grid_of_another_size_is_named() -> None:
    with pytest.raises(ModelError, match=r"There are 7 boxes, but grids of strides 16 have 8 points in 64x32"):
        decode({"form": "yolox", "strides": [16]}, {"output": np.zeros((1, 7, 7))})


def test_the_best_of_very_many_boxes_are_kept() -> None:
    rows = np.zeros((1, 5000, 7), np.float32)
    rows[0, :, 4] = 1
    rows[0, 4321, 5], rows[0, 17, 6] = 0.9, 0.8
    found = decode({"form": "yolov5"}, {"output0": rows})
    assert len(found["boxes"]) == MOST
    assert sorted(found["scores"].max(axis=1))[-2:] == pytest.approx([0.8, 0.9])


def test_class_maps_of_scores_and_of_numbers() -> None:
    scores = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
    scores[0, 2, 3, 4] = 1
    mask = decode({"form": "class_map", "output": "out"}, {"out": scores}, classes=3)["mask"]
    assert (mask.dtype, mask.shape, mask[3, 4], mask.sum()) == (np.uint8, (HEIGHT, WIDTH), 2, 2)
    form = TypeAdapter(Form).validate_python({"form": "class_map", "output": "out", "first_class": 1})
    numbers = form.decode({"out": scores[0, 2:].astype(np.int64)}, WIDTH, HEIGHT, 3)["mask"]
    assert (numbers[3, 4], numbers[0, 0]) == (0, 255), "what is before the first class is none"


def test_a_small_class_map_is_interpolated_before_the_best_is_taken() -> None:
    scores = np.zeros((1, 2, 1, 2), np.float32)
    scores[0, :, 0] = [[1, 0], [0, 3]]
    mask = decode({"form": "class_map", "output": "out"}, {"out": scores})["mask"]
    share = (mask[0] == 1).mean()
    assert share == pytest.approx(0.625, abs=0.02), "the border lies where the interpolated scores are equal"


def test_numbers_that_are_no_whole_ones_are_no_class_map() -> None:
    with pytest.raises(ModelError, match="a class_map is"):
        decode({"form": "class_map", "output": "out"}, {"out": np.zeros((1, 1, 4, 4))})


def test_depth_and_its_inverse() -> None:
    values = np.array([[[[0.0, 2.0], [4.0, 0.5]]]], np.float32)
    form = TypeAdapter(Form).validate_python({"form": "depth", "output": "out", "scale": 2.0, "shift": 1.0})
    assert form.decode({"out": values}, 2, 2, 0)["depth"].tolist() == [[1, 5], [9, 2]]
    form = TypeAdapter(Form).validate_python({"form": "depth", "output": "out", "quantity": "inverse"})
    assert form.decode({"out": values}, 2, 2, 0)["depth"].tolist() == [[0, 0.5], [0.25, 2]]
