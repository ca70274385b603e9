"""The score of instance segmentation: masks beside boxes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("faster_coco_eval", reason="measuring instances needs the extra 'learn'")

from convoy.evaluation.instance_score import InstanceScore
from convoy.evaluation.steering import EvaluationError
from convoy.inference import CameraInput, ModelCard, ModelOutput
from convoy.learning.datasets.sample import Sample

BOX = (8, 8, 36, 36)


def figures(mask: np.ndarray, instances: np.ndarray | None) -> dict[str, float]:
    """Of a net that takes pictures of half the size, and finds one box with a mask."""
    outputs = (
        ModelOutput(name="boxes", unit="px"),
        ModelOutput(name="scores", unit="probability"),
        ModelOutput(name="masks", unit="probability"),
    )
    card = ModelCard(
        name="boards",
        task="instances",
        description="Cuts out boards.",
        input=CameraInput(width=32, height=32),
        outputs=outputs,
        classes=("board",),
        licence="CC0-1.0",
        revision="",
        command="test",
    )
    score = InstanceScore(card)
    sample = Sample(
        name="first",
        image=np.zeros((64, 64, 3), np.uint8),
        boxes=np.array([BOX], np.float32),
        labels=np.array([0]),
        instances=instances,
        instance_ids=np.array([7]),
    )
    found = {"boxes": np.array([BOX], np.float32) / 2, "scores": np.array([[0.9]], np.float32), "masks": mask[None]}
    score.add(found, sample)
    return score.figures()


def truth() -> np.ndarray:
    instances = np.zeros((64, 64), np.uint16)
    instances[8:36, 8:36] = 7
    return instances


def test_a_mask_that_is_right_counts() -> None:
    found = figures(np.ones((28, 28), np.float32), truth())
    assert found == {"map50": 1, "map": 1, "map50 board": 1, "frames": 1, "mask_map50": 1, "mask_map": 1}


@pytest.mark.parametrize(("rows", "right"), [(20, 1), (10, 0)])
def test_a_mask_counts_by_its_overlap_and_not_by_its_box(rows: int, right: float) -> None:
    mask = np.zeros((28, 28), np.float32)
    mask[:rows] = 1
    found = figures(mask, truth())
    assert found["map"] == 1
    assert found["mask_map50"] == right
    assert found["mask_map"] < 1


def test_a_sample_without_instances_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="first has no instances"):
        figures(np.ones((28, 28), np.float32), None)
