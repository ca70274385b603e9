"""The one training path: what is held out, resume, workers, seeds; and the verbs, from a folder to figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from tests.learning.perception.conftest import TABLE, make_sample, make_scenes  # noqa: E402
from tests.perception import painted  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from convoy.inference import ModelCard  # noqa: E402
from convoy.learning.datasets.sample_list import SampleList  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.fit import Draw, Epoch, InterruptedTrainingError  # noqa: E402
from convoy.learning.perception.augment import Variation  # noqa: E402
from convoy.learning.perception.card import perception_card  # noqa: E402
from convoy.learning.perception.data import ViewBatches, split  # noqa: E402
from convoy.learning.perception.options import PerceptionOptions  # noqa: E402
from convoy.learning.perception.task import PerceptionNet  # noqa: E402
from convoy.learning.perception.tasks import open_task  # noqa: E402
from convoy.learning.perception.training import prepare, train_perception  # noqa: E402

SHORT = PerceptionOptions(width=48, height=32, epochs=3, batch_size=4, workers=0)


def trained(scenes: SampleList, folder: Path, options: PerceptionOptions = SHORT, **how: object) -> torch.Tensor:
    task = open_task("segmentation")
    net = train_perception(task, options, prepare(task, options, [scenes], []), folder, **how)
    return weights(net)


def weights(net: PerceptionNet) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in net.state_dict().values()])


def test_goes_on_where_it_was_stopped_and_repeats_with_its_seed(scenes: SampleList, tmp_path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.done == 2:
            raise KeyboardInterrupt

    whole = trained(scenes, tmp_path / "whole")
    for workers in (0, 1):
        how, folder = replace(SHORT, workers=workers), tmp_path / f"stopped {workers}"
        with pytest.raises(InterruptedTrainingError, match="--resume goes on from there"):
            trained(scenes, folder, how, on_epoch=stop)
        assert torch.equal(trained(scenes, folder, how, resume=True), whole)
    with pytest.raises(LearningError, match="started with seed = 0, now it is 1"):
        trained(scenes, folder, replace(SHORT, seed=1), resume=True)


def test_what_is_frozen_stays_and_the_rest_learns(scenes: SampleList, tmp_path: Path) -> None:
    task = open_task("segmentation")
    one = replace(SHORT, epochs=1)
    frozen = replace(one, freeze="8", seed=3)
    first = train_perception(task, one, prepare(task, one, [scenes], []), tmp_path / "first")
    started = []
    checkpoint = tmp_path / "first" / "best.ckpt"
    second = train_perception(
        task,
        frozen,
        prepare(task, frozen, [scenes], []),
        tmp_path / "second",
        start=checkpoint,
        on_start=started.append,
    )
    assert started[0].taken == started[0].of
    before, after = first.state_dict(), second.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name]) and "num_batches" not in name}
    assert not any(name.startswith(("encoder.stages.0", "encoder.stages.1", "encoder.stages.2")) for name in moved)
    assert any(name.startswith("encoder.stages.3") for name in moved)
    assert any(name.startswith("decoder") for name in moved)


def test_views_do_not_depend_on_who_reads_them(scenes: SampleList) -> None:
    task, options = open_task("segmentation"), SHORT
    material = prepare(task, options, [scenes], [])
    batches = ViewBatches(material.taught, task, material.settings, 0, Variation())
    draws = [Draw(2, [0, 3, 5]), Draw(2, [1, 2])]
    alone = [batches[draw] for draw in draws]
    others = list(DataLoader(batches, sampler=draws, batch_size=None, num_workers=2))
    for (views, masks), (other_views, other_masks) in zip(alone, others, strict=True):
        assert torch.equal(views, other_views)
        assert torch.equal(masks, other_masks)
    assert not torch.equal(batches[Draw(3, [0, 3, 5])][0], alone[0][0]), "the next epoch varies them otherwise"


def test_what_is_held_out_is_a_part_of_its_own_or_the_end() -> None:
    scenes = make_scenes(10)
    taught, held_out = split([scenes], [])
    assert [taught[place].name for place in (0, 7)] == ["scene 0", "scene 7"]
    assert [held_out[place].name for place in range(len(held_out))] == ["scene 8", "scene 9"]
    with_parts = replace(scenes, parts={"train": [0, 2, 4], "val": [1, 9]})
    taught, held_out = split([with_parts, scenes], [])
    assert len(taught) == 11
    assert [held_out[place].name for place in range(4)] == ["scene 1", "scene 9", "scene 8", "scene 9"]
    assert held_out.describe() == "scenes, part val + scenes, samples 8 to 9"
    other = replace(scenes, table=replace(TABLE, names=("a", "b", "c", "d")), name="others")
    with pytest.raises(LearningError, match="others has the classes a, b, c, d; scenes has wall"):
        split([scenes], [other])
    with pytest.raises(LearningError, match="1 samples to train with and 0 held out"):
        split([make_scenes(1)], [])


def test_data_that_lacks_what_a_task_is_taught_by_is_refused(tmp_path: Path) -> None:
    blind = replace(make_sample(0), depth=None)
    data = SampleList("blind", "CC0-1.0", TABLE, (lambda: blind,) * 10)
    task = open_task("depth")
    with pytest.raises(LearningError, match="scene 0 has no depth, which depth is taught by"):
        prepare(task, SHORT, [data], [])
    with pytest.raises(LearningError, match="Class weights are of no use to depth"):
        prepare(task, replace(SHORT, class_weights=True), [make_scenes(5)], [])


def test_dropout_of_a_net_that_has_none_is_refused(scenes: SampleList, tmp_path: Path) -> None:
    task, options = open_task("depth"), replace(SHORT, dropout=0.3)
    with pytest.raises(LearningError, match=r"This net has no dropout that could be 0\.3; leave out --dropout"):
        train_perception(task, options, prepare(task, options, [scenes], []), tmp_path)


def test_rare_classes_weigh_more(scenes: SampleList) -> None:
    options = replace(SHORT, class_weights=True)
    found = prepare(open_task("segmentation"), options, [scenes], []).settings.class_weights
    pixels = np.concatenate([scenes[number].mask.ravel() for number in range(len(scenes))])
    shares = np.bincount(pixels, minlength=len(found)) / len(pixels)
    assert shares @ np.array(found) == pytest.approx(1, rel=0.02)
    assert found[0] == min(found), "most pixels are wall"
    rarest = int(shares.argmin())
    assert found[rarest] / found[0] == pytest.approx((shares[0] / shares[rarest]) ** 0.5, rel=0.1)


def test_a_net_learns_depth_for_one_focal_length(scenes: SampleList) -> None:
    """Halving the picture halves the focal length; a part of it teaches as if it were as far as it looks."""
    task = open_task("depth")
    settings = prepare(task, SHORT, [scenes], []).settings
    assert settings.focal_px == pytest.approx(24)
    assert task.focal_length(settings) == settings.focal_px
    sample = make_sample(0)
    plain = ViewBatches(split([scenes], [])[0], task, settings, 0, None)[Draw(0, [0])][1]["depth"]
    assert float(plain.max()) == pytest.approx(float(sample.depth.max()))
    varied = ViewBatches(split([scenes], [])[0], task, settings, 0, Variation(mirror=False, zoom=0.5))
    nearest = min(float(varied[Draw(epoch, [0])][1]["depth"].max()) for epoch in range(6))
    assert nearest < 0.9 * float(sample.depth.max())


def test_a_card_states_the_area_that_poses_were_learned_in(scenes: SampleList) -> None:
    task = open_task("relocalisation")
    material = prepare(task, SHORT, [scenes], [])
    card = perception_card(task, SHORT, material.settings, material.taught, "map", "CC0-1.0", "convoy train ...")
    positions = np.array([make_sample(number).pose[:3] for number in range(8)])
    np.testing.assert_allclose(card.bounds, [*(positions.min(0) - 1), *(positions.max(0) + 1)])
    others = open_task("depth")
    card = perception_card(others, SHORT, material.settings, material.taught, "depth", "CC0-1.0", "convoy train ...")
    assert card.bounds is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenes as files: pictures and masks."""
    place = tmp_path_factory.mktemp("data") / "boards"
    for part, numbers in (("train", range(8)), ("val", range(8, 12))):
        for kind in ("images", "masks"):
            (place / kind / part).mkdir(parents=True)
        for number in numbers:
            sample = make_sample(number)
            cv2.imwrite(str(place / "images" / part / f"{number}.png"), sample.image[:, :, ::-1])
            cv2.imwrite(str(place / "masks" / part / f"{number}.png"), sample.mask)
    (place / "classes.json").write_text(TABLE.dump())
    return place


def test_trains_and_evaluates_by_the_verbs(
    folder: Path, tmp_path: Path, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    short = ["--epochs", "2", "--size", "48x32", "--batch-size", "4", "--workers", "0"]
    convoy("train", "segmentation", "--data", f"folder:{folder}", "--out", "models/boards.onnx", *short)
    assert "8 samples to train with, 4 held out" in capfd.readouterr().err
    card = ModelCard.read(tmp_path / "models" / "boards.onnx")
    assert card.task == "segmentation"
    assert card.classes == TABLE.names
    assert card.command.startswith("convoy train segmentation --data folder:")
    assert card.trained_on[0].frames == 8

    evaluation = ["--model", "models/boards.onnx", "--data", f"folder:{folder}#val", "--json", "out/score.json"]
    convoy("evaluate", "segmentation", *evaluation)
    score = json.loads((tmp_path / "out" / "score.json").read_text())
    assert score["frames"] == 4
    # The card's figures are those that anybody measures again.
    (stated,) = card.metrics.values()
    assert stated == pytest.approx({name: score[name] for name in stated})
    assert f"{score['miou']:.4f}" in capfd.readouterr().out

    convoy("models", "export", "runs/train/boards", "--data", f"folder:{folder}", "--out", "exported.onnx")
    exported = ModelCard.read(tmp_path / "exported.onnx")
    assert exported.metrics == card.metrics, "the weights are those of the run"
    assert exported.command.startswith(f"convoy train segmentation --data folder:{folder} --size 48x32 --epochs 2 ")
    with pytest.raises(SystemExit):
        convoy("models", "export", "runs/train/boards", "--data", f"folder:{folder}#val", "--out", "exported.onnx")
    assert "Give the data of the training" in capfd.readouterr().err

    convoy(
        *("train", "segmentation", "--data", f"folder:{folder}", "--out", "again.onnx"),
        *("--start", "models/boards.onnx", "--freeze", "encoder", *short),
    )
    assert "weights taken from models/boards.onnx" in capfd.readouterr().err


def test_a_figure_that_is_not_defined_is_null(
    tmp_path: Path, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    painted.write_model(tmp_path / "painted.onnx", "detection")
    cv2.imwrite(str(tmp_path / "empty.png"), painted.scene()[:, :, ::-1])
    categories = [{"id": number, "name": name} for number, name in enumerate(painted.CLASSES, 1)]
    image = {"id": 1, "file_name": "empty.png", "width": 160, "height": 120}
    found = {"images": [image], "annotations": [], "categories": categories}
    (tmp_path / "empty.json").write_text(json.dumps(found))
    evaluation = ["--data", f"coco:{tmp_path},{tmp_path / 'empty.json'}", "--json", "score.json"]
    convoy("evaluate", "detection", "--model", "painted.onnx", *evaluation)
    score = json.loads((tmp_path / "score.json").read_text())
    assert (score["map50"], score["map"], score["frames"]) == (None, None, 1)
    assert capfd.readouterr().out.splitlines()[0].split() == ["map50", "-"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "segmentation", "--data", "folder:nowhere", "--out", "x.onnx"], "nowhere"),
        (["train", "depth", "--data", "sim:1", "--out", "x.onnx", "--size", "wide"], "wanted WIDTHxHEIGHT"),
        (
            ["train", "depth", "--data", "sim:1", "--out", "x.onnx", "--loss", "l1"],
            "no loss 'l1' for depth; it has log",
        ),
        (["models", "export", "runs", "--data", "sim:1", "--out", "x.onnx"], "no checkpoint runs"),
        (["models", "pull", "ssdlite"], "no net 'ssdlite' with COCO weights; nearest first: ssdlite320_mobilenet"),
        (["evaluate", "depth", "--model", "no.onnx", "--data", "sim:1"], "no.onnx does not exist"),
    ],
)
def test_says_in_one_line_what_is_wrong(
    convoy: Callable[..., None], capfd: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit):
        convoy(*arguments)
    assert complaint in capfd.readouterr().err
