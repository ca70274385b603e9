"""Keypoints by the same verbs: COCO's files in, a model file and its figures out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'learn'")

from tests.learning.perception.conftest import HEIGHT, WIDTH, make_sample

from convoy.inference import ModelCard, Session
from convoy.learning.datasets.spec import open_dataset
from convoy.learning.errors import LearningError
from convoy.learning.perception.augment import mirrored, part, plain_view

POINTS = ["upper_left", "middle", "lower_right"]


@pytest.fixture
def boards(tmp_path: Path) -> str:
    """Six boards with their corners and middles, as COCO has it; of the last one the middle is not known."""
    (tmp_path / "pictures").mkdir()
    images, annotations = [], []
    for number in range(6):
        sample = make_sample(number)
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), sample.image[:, :, ::-1])
        images.append({"id": number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
        x0, y0, x1, y1 = sample.boxes[0].tolist()
        points = [x0, y0, 2, (x0 + x1) / 2, (y0 + y1) / 2, 1, x1 - 1, y1 - 1, 2]
        if number == 5:
            points[3:6] = [0, 0, 0]
        box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "keypoints": points}
        annotations.append({"image_id": number, "category_id": 1} | box)
    found = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "board", "keypoints": POINTS}],
    }
    (tmp_path / "boards.json").write_text(json.dumps(found))
    return f"coco:{tmp_path / 'pictures'},{tmp_path / 'boards.json'}"


def test_points_are_read_and_those_that_are_not_known_are_told(boards: str) -> None:
    data = open_dataset(boards)
    assert data.points == tuple(POINTS)
    x0, y0, _, _ = make_sample(5).boxes[0].tolist()
    known = data[5].keypoints
    assert known.shape == (1, 3, 3)
    assert known[0, 0].tolist() == [x0 + 0.5, y0 + 0.5, 1], "the middle of its pixel"
    assert known[0, :, 2].tolist() == [1, 0, 1]
    assert open_dataset(boards, want=("boxes",))[0].keypoints is None


def test_points_move_with_their_box(boards: str) -> None:
    sample = open_dataset(boards)[0]
    left, top, right, bottom = (int(edge) for edge in sample.boxes[0])
    view = plain_view(part(sample, left, top, right - left - 2, bottom - top), 2 * (right - left - 2), bottom - top)
    assert view.keypoints[0, 0].tolist() == [1, 0.5, 1]
    assert view.keypoints[0, :, 2].tolist() == [1, 1, 0], "the last one was cut away"
    assert mirrored(view).keypoints is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"keypoints": [1, 2]}, r"annotation 0: keypoints are \[1, 2\], wanted x y v for each of 3"),
        ({"keypoints": [float("nan")] * 9}, "annotation 0: keypoints are .*, wanted x y v for each of 3, all finite"),
    ],
)
def test_points_that_are_wrong_are_named_or_left_out(boards: str, changed: dict[str, object], said: str) -> None:
    path = Path(boards.split(",")[1])
    found = json.loads(path.read_text())
    found["annotations"][0] |= changed
    path.write_text(json.dumps(found))
    with pytest.raises(LearningError, match=said):
        open_dataset(boards)
    assert len(open_dataset(boards, missing="skip")) == 5


def test_categories_with_different_points_are_refused(boards: str) -> None:
    path = Path(boards.split(",")[1])
    found = json.loads(path.read_text())
    found["categories"].append({"id": 2, "name": "person", "keypoints": ["nose"]})
    path.write_text(json.dumps(found))
    with pytest.raises(LearningError, match="categories have different keypoints"):
        open_dataset(boards)


def test_trains_and_evaluates_by_the_verbs(
    boards: str, tmp_path: Path, convoy: Callable[..., None], small_heads: None
) -> None:
    size = ["--size", f"{WIDTH}x{HEIGHT}", "--backbone", "resnet18"]
    short = ["--epochs", "1", "--batch-size", "4", "--workers", "0"]
    convoy("train", "keypoints", "--data", boards, "--validation", f"{boards}@2", "--out", "boards.onnx", *size, *short)
    card = ModelCard.read(tmp_path / "boards.onnx")
    assert (card.task, card.classes, card.keypoints) == ("keypoints", ("board",), tuple(POINTS))
    convoy("evaluate", "keypoints", "--model", "boards.onnx", "--data", f"{boards}@2", "--json", "score.json")
    score = json.loads((tmp_path / "score.json").read_text())
    assert {"map50", "oks_map50", "oks_map"} <= score.keys()
    (stated,) = card.metrics.values()
    assert stated == pytest.approx({name: score[name] for name in stated})
    outputs = Session.load(tmp_path / "boards.onnx", "keypoints", "cpu", 1).run(np.zeros((30, 40, 3), np.uint8))
    assert outputs["keypoints"].shape == (len(outputs["boxes"]), 3, 3)


def test_data_without_points_teaches_none(boards: str) -> None:
    from convoy.learning.perception.options import PerceptionOptions
    from convoy.learning.perception.tasks import open_task
    from convoy.learning.perception.training import prepare

    data = open_dataset(boards)
    blind = replace(data, readers=tuple(lambda: replace(data[0], keypoints=None) for _ in range(5)))
    with pytest.raises(LearningError, match="0 has no keypoints, which keypoints is taught by"):
        prepare(open_task("keypoints"), PerceptionOptions(), [blind], [])
