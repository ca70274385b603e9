"""Every net builds, learns a small set by heart, and its file gives what torch gives; training starts from it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from tests.learning import test_detection_nets  # noqa: E402
from tests.learning.perception.conftest import make_sample, make_scenes  # noqa: E402

from convoy.inference import ModelCard, Session  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.export import write_model  # noqa: E402
from convoy.learning.fit import Draw  # noqa: E402
from convoy.learning.nets.backbones import backbone  # noqa: E402
from convoy.learning.nets.segmentation import refinenet  # noqa: E402
from convoy.learning.perception.card import perception_card  # noqa: E402
from convoy.learning.perception.choice import choose  # noqa: E402
from convoy.learning.perception.data import ALL, Piece, Samples, ViewBatches  # noqa: E402
from convoy.learning.perception.deployed import Deployed  # noqa: E402
from convoy.learning.perception.networks import NOT_TRAINED, networks  # noqa: E402
from convoy.learning.perception.options import PerceptionOptions  # noqa: E402
from convoy.learning.perception.start import frozen_modules, start_from  # noqa: E402
from convoy.learning.perception.survey import survey  # noqa: E402
from convoy.learning.perception.task import NetSettings, PerceptionNet  # noqa: E402
from convoy.learning.perception.tasks import open_task  # noqa: E402

SMALL = PerceptionOptions(width=96, height=64)
MOST_STEPS = 60
NETS = [
    ("segmentation", "compact", "compact", ""),
    ("segmentation", "fcn", "mobilenet_v3_small", ""),
    ("segmentation", "deeplabv3", "mobilenet_v3_small", ""),
    ("segmentation", "lraspp", "mobilenet_v3_small", ""),
    ("segmentation", "unet", "mobilenetv3_small_050", ""),
    ("segmentation", "deeplabv3plus", "mobilenetv3_small_050", ""),
    ("segmentation", "segnet", "vgg11_bn", ""),
    ("segmentation", "refinenet", "mobilenet_v3_small", ""),
    ("segmentation", "icnet", "mobilenet_v3_small", ""),
    ("depth", "compact", "compact", "log"),
    ("depth", "compact", "compact", "stereo"),
    ("depth", "compact", "resnet18", "log"),
    ("relocalisation", "posenet", "compact", "beta"),
    ("relocalisation", "posenet", "compact", "learned"),
    ("perception", "shared", "compact", ""),
    ("perception", "mapped", "compact", ""),
    ("classification", "classifier", "squeezenet1_1", ""),
]
ENOUGH, ENOUGH_OF = 0.25, {"stereo": 0.5, "squeezenet1_1": 0.5, "vgg11_bn": 0.5}
"""Share of the first loss that is left when a set is known by heart: the pictures of a pair never agree wholly, and
without batch norm it takes hundreds of steps, or each is long."""

ONLY_TO_TEACH = ("teacher", "middle.guide", "finest.guide", "heads.1", "heads.2", "heads.3", "pose.met")
"""Begins the names of weights that no exported graph needs."""


def samples() -> Samples:
    return Samples([Piece(make_scenes(3), range(3), ALL)])


def test_every_net_that_is_listed_is_tried_here_or_among_the_detectors() -> None:
    tried = {(task, net) for task, net, *_ in NETS}
    tried |= {(task.name, net) for task in test_detection_nets.TASKS for net in task.nets}
    tried |= {("keypoints", "keypoint-rcnn")}
    assert {(row.task, row.name) for row in networks({})} == tried
    assert {row.state for row in networks({})} == {NOT_TRAINED}


def test_a_net_that_is_trained_is_listed_with_its_figures() -> None:
    task, options, taught = open_task("depth"), PerceptionOptions(width=96, height=64), samples()
    settings = survey(task, options, taught)
    card = perception_card(task, options, settings, taught, "far", "CC0-1.0", "convoy train ...")
    card = card.model_copy(update={"metrics": {"scenes": {"abs_rel": 0.1, "delta1": 0.9, "frames": 3.0}}})
    states = {(row.task, row.name): row.state for row in networks({"far.onnx": card})}
    assert states["depth", "compact"] == "far.onnx (abs_rel 0.1, delta1 0.9)"
    assert states["segmentation", "compact"] == NOT_TRAINED


def loss(net: PerceptionNet, batch: tuple) -> torch.Tensor:
    return torch.stack(list(net.loss(*batch).values())).sum()


@pytest.mark.parametrize(("name", "net_name", "backbone_name", "loss_name"), NETS)
def test_builds_overfits_exports_and_starts_again(
    name: str, net_name: str, backbone_name: str, loss_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in ("WIDTH", "DEEPEST_WIDTH"):
        monkeypatch.setattr(refinenet, width, 64)  # a tenth of the work
    torch.manual_seed(0)
    torch.set_num_threads(1)
    task = open_task(name, net_name)
    options = PerceptionOptions(net=net_name, backbone=backbone_name, loss=loss_name, width=96, height=64)
    taught = samples()
    settings = survey(task, options, taught)
    net = choose(task, net_name).build(settings)
    batch = ViewBatches(taught, task, settings, 0, None)[Draw(0, [0, 1, 2])]

    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    first = loss(net, batch).item()
    wanted = first - (1 - ENOUGH_OF.get(loss_name or backbone_name, ENOUGH)) * abs(first)
    for _ in range(MOST_STEPS):
        optimiser.zero_grad()
        now = loss(net, batch)
        now.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        if now.item() < wanted:
            break
    assert now.item() < wanted, f"from {first:.3f} to {now.item():.3f}"

    path = tmp_path / "net.onnx"
    card = perception_card(task, options, settings, taught, "net", "CC0-1.0", "convoy train ...")
    frames = [sample.image for sample in taught.some(3)]
    # It compares the file with torch, and refuses to write one that differs.
    write_model(
        Deployed(net, task), card, frames, path, lambda _: {}, differences=task.differences, tolerance=task.tolerance
    )
    found = Session.load(path, name, device="cpu").run(frames[0])
    assert set(found) == {output.name for output in task.outputs}
    assert ModelCard.read(path).task == name

    again = choose(task, net_name).build(settings)
    started = start_from(again, path)
    assert all(one.startswith(ONLY_TO_TEACH) for one in started.others)
    with torch.no_grad():
        wanted_outputs, outputs = (
            Deployed(one.eval(), task)(torch.from_numpy(frames[1])[None]) for one in (net, again)
        )
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in zip(outputs, wanted_outputs, strict=True))


@pytest.mark.parametrize(
    ("name", "loss_name"),
    [
        ("detection", ""),
        ("segmentation", ""),
        ("depth", "log"),
        ("depth", "stereo"),
        ("relocalisation", "learned"),
        ("relocalisation", "beta"),
        ("perception", ""),
        ("classification", ""),
    ],
)
def test_all_that_learns_has_a_gradient(name: str, loss_name: str) -> None:
    """Training on several GPUs ends where it has none; each may see pictures with nothing to find."""
    task = open_task(name)
    options = PerceptionOptions(backbone="compact", loss=loss_name, width=96, height=64)
    empty = replace(make_sample(0), boxes=np.zeros((0, 4), np.float32), labels=np.zeros(0, np.int64))
    taught = Samples([Piece(replace(make_scenes(2), readers=(lambda: empty,) * 2), range(2), ALL)])
    settings = survey(task, options, taught)
    net = choose(task, "").build(settings)
    loss(net, ViewBatches(taught, task, settings, 0, None)[Draw(0, [0, 1])]).backward()
    assert [name for name, one in net.named_parameters() if one.requires_grad and one.grad is None] == []


def test_a_backbone_gives_maps_at_strides() -> None:
    for name in ("alexnet", "regnet_y_400mf", "mobilenetv3_small_050"):
        body = backbone(name).eval()
        with torch.no_grad():
            maps = body(torch.rand(1, 3, 128, 192))
        assert [one.shape[1] for one in maps] == body.channels
        for one, stride in zip(maps, body.strides, strict=True):
            assert abs(one.shape[-1] - 192 / stride) <= 2


@pytest.mark.parametrize(
    ("name", "stride", "complaint"),
    [
        ("resnet81", 32, "There is no backbone 'resnet81' in torchvision and timm; nearest first: resnet"),
        ("vit_tiny_patch16_224", 32, "choose a convolutional net"),
        ("alexnet", 16, "alexnet can't be dilated to a stride of 16"),
        ("resnet18", 8, "resnet18 can't serve as a backbone: Dilation"),
    ],
)
def test_a_backbone_that_can_not_serve_is_refused(name: str, stride: int, complaint: str) -> None:
    with pytest.raises(LearningError, match=complaint):
        backbone(name, output_stride=stride)


@pytest.mark.parametrize("net", ["ssd", "ssdlite"])
def test_a_net_with_a_backbone_of_its_own_takes_no_other(net: str) -> None:
    options = PerceptionOptions(net=net, backbone="resnet18")
    with pytest.raises(LearningError, match=f"The net '{net}' has a backbone of its own, and can't take 'resnet18'"):
        survey(open_task("detection"), options, samples())
    assert survey(open_task("detection"), PerceptionOptions(net=net), samples()).backbone == ""


@pytest.mark.parametrize(("task", "net"), [("detection", "nano"), ("detection", "small"), ("perception", "shared")])
def test_a_backbone_without_the_strides_that_a_net_wants_is_refused(task: str, net: str) -> None:
    settings = NetSettings("squeezenet1_1", 96, 64, ("wall", "red"), (1,))
    with pytest.raises(LearningError, match="at the strides 2, 4, 8, 16, this net wants 8, 16, 32; choose another"):
        open_task(task).nets[net].build(settings)


def test_freezing_up_to_a_stride_freezes_what_it_depends_on_and_no_more() -> None:
    task = open_task("segmentation")
    settings = survey(task, SMALL, samples())
    net = choose(task, "").build(settings)
    still = frozen_modules(net, "8", 64, 96)
    learning = [name for name, parameter in net.encoder.named_parameters() if parameter.requires_grad]
    assert {name.split(".")[1] for name in learning} == {"3", "4"}, "the stages at strides 16 and 32"
    assert all(parameter.requires_grad for parameter in net.decoder.parameters())
    assert net.encoder.stages[2] in still
    assert net.encoder.stages[3] not in still
    frozen_modules(net, "encoder", 64, 96)
    assert not any(parameter.requires_grad for parameter in net.encoder.parameters())
    with pytest.raises(LearningError, match="features at the strides 2, 4, 8, 16, 32"):
        frozen_modules(choose(task, "").build(settings), "7", 64, 96)


@pytest.mark.parametrize(
    ("name", "net_name", "backbone_name"),
    [
        ("segmentation", "compact", "resnet18"),
        ("segmentation", "unet", "resnet18"),
        ("segmentation", "deeplabv3plus", "mobilenetv3_small_050"),
        ("segmentation", "lraspp", "mobilenet_v3_small"),
        ("segmentation", "refinenet", "resnet18"),
        ("detection", "fcos", "resnet18"),
        ("instances", "mask-rcnn", "resnet18"),
        ("relocalisation", "posenet", "resnet18"),
    ],
)
def test_a_classifiers_backbone_serves_other_nets(
    name: str, net_name: str, backbone_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in ("WIDTH", "DEEPEST_WIDTH"):
        monkeypatch.setattr(refinenet, width, 64)
    options = PerceptionOptions(backbone=backbone_name, width=96, height=64)
    task = open_task("classification")
    classifier = choose(task, "").build(survey(task, options, samples()))
    torch.save({"state_dict": {f"model.{k}": v for k, v in classifier.state_dict().items()}}, tmp_path / "best.ckpt")
    task = open_task(name, net_name)
    net = choose(task, net_name).build(survey(task, replace(options, net=net_name), samples()))
    started = start_from(net, tmp_path / "best.ckpt")
    learned = [name for name in classifier.encoder.state_dict() if not name.endswith("num_batches_tracked")]
    assert started.taken == len(learned) > 80


def test_a_file_that_does_not_fit_can_not_be_started_from(tmp_path: Path) -> None:
    task = open_task("classification")
    net = choose(task, "").build(survey(task, SMALL, samples()))
    torch.save({"state_dict": {"model.else": torch.zeros(3)}}, tmp_path / "other.ckpt")
    with pytest.raises(LearningError, match="none of which has the name and the shape"):
        start_from(net, tmp_path / "other.ckpt")
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    for name in ("broken.onnx", "none.ckpt"):
        with pytest.raises(LearningError, match=f"{name} can't be started from"):
            start_from(net, tmp_path / name)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"net": "unte"}, "There is no net 'unte' for segmentation; nearest first: unet"),
        ({"net": "segnet", "backbone": "resnet18"}, "wanted one of vgg16_bn"),
        ({"net": "unet", "backbone": "googlenet"}, "takes backbones of timm"),
        ({"loss": "stereo"}, "no loss 'stereo' for segmentation; it has only one"),
    ],
)
def test_a_choice_that_is_not_there_is_refused(options: dict[str, str], complaint: str) -> None:
    task = open_task("segmentation")
    with pytest.raises(LearningError, match=complaint):
        choose(task, options.get("net", "")).build(survey(task, PerceptionOptions(**options), samples()))
