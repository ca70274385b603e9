"""Every perception task by its verbs: what `convoy train` writes, `convoy evaluate` measures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'learn'")

from tests.learning.perception.conftest import CLASSES, HEIGHT, TABLE, WIDTH, K, make_sample

from convoy.inference import ModelCard
from convoy.interfaces.camera_info_file import write_camera_info
from convoy.interfaces.messages import CameraInfo, make
from convoy.learning.datasets.recipe import Recipe
from convoy.learning.datasets.spec import check_one_map
from convoy.learning.errors import LearningError
from convoy.learning.perception.tasks import TASKS

FRAMES = 6
SHORT = ["--epochs", "1", "--size", "64x32", "--batch-size", "2", "--workers", "0"]


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenes as `convoy dataset record` would write them; ``lacking.json`` names a picture that is not there."""
    folder = tmp_path_factory.mktemp("data") / "boards"
    for kind in ("images", "masks", "instances", "depth"):
        (folder / kind).mkdir(parents=True)
    images, annotations, poses, listing = [], [], [], []
    for number in range(FRAMES):
        sample, file = make_sample(number), f"{number:06d}.png"
        for kind, pixels in (
            ("images", sample.image[:, :, ::-1]),
            ("masks", sample.mask),
            ("instances", sample.instances),
            ("depth", (sample.depth * 1000).astype(np.uint16)),
        ):
            cv2.imwrite(str(folder / kind / file), pixels)
        images.append({"id": number, "file_name": file, "width": WIDTH, "height": HEIGHT})
        x0, y0, x1, y1 = sample.boxes[0].tolist()
        thing = {"image_id": number, "category_id": int(sample.labels[0]), "instance": 7}
        annotations.append(thing | {"id": number, "bbox": [x0, y0, x1 - x0, y1 - y0]})
        poses.append(f"{number} {' '.join(map(str, sample.pose))}\n")
        listing.append(f"{number} images/{file}\n")
    found = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": CLASSES[number]} for number in TABLE.boxed],
    }
    camera = {"width": WIDTH, "height": HEIGHT, "distortion_model": "plumb_bob", "d": np.zeros(5), "k": K.ravel()}
    write_camera_info(folder / "camera_info.yaml", make(CameraInfo, **camera), "camera")
    (folder / "annotations.json").write_text(json.dumps(found))
    annotations[0]["bbox"][2] = WIDTH
    images.append(images[0] | {"id": FRAMES, "file_name": "gone.png"})
    (folder / "lacking.json").write_text(json.dumps(found))
    (folder / "groundtruth.txt").write_text("".join(poses))
    (folder / "rgb.txt").write_text("".join(listing))
    (folder / "classes.json").write_text(TABLE.dump())
    (folder / "recipe.json").write_text(Recipe("3", FRAMES, WIDTH, HEIGHT).dump())
    return folder


@pytest.fixture(scope="module")
def kinds(boards: Path) -> Path:
    """The same pictures, in a folder for each class."""
    for number in range(FRAMES):
        place = boards.parent / "kinds" / CLASSES[1 + number % 3]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes((boards / "images" / f"{number:06d}.png").read_bytes())
    return boards.parent / "kinds"


@pytest.mark.parametrize(
    ("task", "choice", "promised"),
    [
        ("detection", [], {"map50", "map"}),
        ("instances", ["--backbone", "compact"], {"map50", "map", "mask_map50", "mask_map"}),
        ("depth", [], {"abs_rel", "rmse", "delta1", "constant_abs_rel"}),
        ("relocalisation", ["--backbone", "compact"], {"median_m", "median_deg", "constant_m", "sigmas_m"}),
        ("perception", [], {"map50", "map", "miou", "abs_rel"}),
        ("classification", [], {"accuracy"}),
    ],
)
def test_what_is_trained_is_measured(
    task: str,
    choice: list[str],
    promised: set[str],
    boards: Path,
    kinds: Path,
    tmp_path: Path,
    small_heads: None,
    convoy: Callable[..., None],
) -> None:
    data = f"images:{kinds}" if task == "classification" else f"folder:{boards}"
    convoy("train", task, "--data", data, "--validation", f"{data}@3", "--out", "mine.onnx", *choice, *SHORT)
    card = ModelCard.read(tmp_path / "mine.onnx")
    assert (card.task, card.trained_on[0].frames) == (task, FRAMES)
    convoy("evaluate", task, "--model", "mine.onnx", "--data", f"{data}@3", "--device", "cpu", "--json", "score.json")
    score = json.loads((tmp_path / "score.json").read_text())
    assert promised <= score.keys()
    assert score.pop("frames") == 3
    assert all(math.isfinite(value) for name, value in score.items() if name not in ("model", "data"))
    (stated,) = card.metrics.values()
    assert {name: score[name] for name in promised} == pytest.approx({name: stated[name] for name in promised})


def test_what_is_left_out_and_clipped_is_said(
    boards: Path, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    data = f"coco:{boards / 'images'},{boards / 'lacking.json'}"
    with pytest.raises(SystemExit):
        convoy("train", "detection", "--data", data, "--out", "mine.onnx", *SHORT)
    assert "gone.png, which" in (said := capfd.readouterr().err)
    assert "--skip-missing leaves such samples out" in said
    for call in (
        ["train", "detection", "--out", "mine.onnx", *SHORT],
        ["evaluate", "detection", "--model", "mine.onnx", "--device", "cpu"],
    ):
        convoy(*call, "--data", data, "--skip-missing")
        said = capfd.readouterr().err
        assert f"{data}: 1 of 7 samples left out:\n{boards / 'images' / 'gone.png'}, which" in said
        assert f"{data}: boxes clipped to their picture: 1" in said


def test_the_poses_of_several_towns_are_not_one_map(
    tmp_path: Path, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        convoy("train", "relocalisation", "--data", "sim:train", "--out", "x.onnx")
    assert "sim:train: 100 towns, each a map of its own; wanted one." in capfd.readouterr().err
    assert not (tmp_path / "runs").exists(), "it is refused before anything is made"


def test_several_drives_of_a_town_are_one_map(boards: Path) -> None:
    check_one_map(["sim:3@200", "sim:3/drive=1000@40", f"folder:{boards}#0-0.5", "rgbd:elsewhere"])
    with pytest.raises(LearningError, match=r"sim:4@9, folder:.*boards: 2 towns, each a map"):
        check_one_map(["sim:4@9", f"folder:{boards}"])


@pytest.mark.parametrize("verb", ["train", "evaluate"])
@pytest.mark.parametrize("task", TASKS)
def test_the_example_has_what_the_task_needs(
    verb: str, task: str, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = {"keypoints": "coco:", "classification": "images:", "relocalisation": "sim:117"}.get(task, "sim:t")
    convoy(verb, task, "--help")
    assert f"--data {wanted}" in " ".join(capfd.readouterr().out.split("Example:")[1].split())
