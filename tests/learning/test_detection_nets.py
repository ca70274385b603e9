"""Every network that finds things builds, learns, and exports to a file that says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

import onnx  # noqa: E402
from torchvision.models.detection import keypoint_rcnn as torchvision_keypoints  # noqa: E402

from convoy.evaluation.detection_score import DetectionScore  # noqa: E402
from convoy.inference import CameraInput, ModelCard, Session  # noqa: E402
from convoy.learning.datasets.sample import Sample  # noqa: E402
from convoy.learning.errors import LearningError  # noqa: E402
from convoy.learning.export import write_model  # noqa: E402
from convoy.learning.nets.detection import feature_pyramid  # noqa: E402
from convoy.learning.nets.detection.torchvision_two_stage import keypoint_rcnn  # noqa: E402
from convoy.learning.perception.deployed import Deployed  # noqa: E402
from convoy.learning.perception.detection import SMALLEST_PX, DetectionTask, box_target  # noqa: E402
from convoy.learning.perception.instances import InstancesTask  # noqa: E402
from convoy.learning.perception.task import NetSettings, PerceptionNet, View  # noqa: E402

WIDTH, HEIGHT = 96, 64
CLASSES = ("ground", "red", "sky", "green")
BOXED = (1, 3)
SETTINGS = NetSettings("resnet18", WIDTH, HEIGHT, CLASSES, BOXED)
TASKS = (DetectionTask(), InstancesTask())
OF_OTHERS = [(task, net) for task in TASKS for net in task.nets if net not in ("nano", "small")]


@pytest.fixture(autouse=True)
def _steady() -> Iterator[None]:
    """The same weights each time, and no threads that wait for each other on a busy machine."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pictures(count: int) -> list[Sample]:
    """Red and green boards, none covering another, before something grey and noisy; the last picture is empty."""
    random = np.random.default_rng(0)
    samples = []
    for number in range(count):
        image = random.integers(70, 110, (HEIGHT, WIDTH, 3), np.uint8)
        instances = np.zeros((HEIGHT, WIDTH), np.uint16)
        boxes, labels = [], []
        for column in range(3 if number < count - 1 else 0):
            width, height = random.integers(8, 28), random.integers(13, 50)
            x, y = 32 * column + random.integers(0, 32 - width), random.integers(0, HEIGHT - height)
            label = random.choice(BOXED)
            image[y : y + height, x : x + width] = (230, 20, 20) if label == 1 else (20, 230, 20)
            instances[y : y + height, x : x + width] = column + 1
            boxes.append((x, y, x + width, y + height))
            labels.append(label)
        samples.append(
            Sample(
                name=str(number),
                image=image,
                boxes=np.array(boxes, np.float32).reshape(-1, 4),
                labels=np.array(labels, np.int64),
                instances=instances,
                instance_ids=np.arange(1, len(boxes) + 1),
            )
        )
    return samples


def batch(task: DetectionTask, samples: list[Sample]) -> tuple[torch.Tensor, list]:
    views = []
    for sample in samples:
        views.append(
            View(
                image=torch.from_numpy(sample.image).permute(2, 0, 1) / 255,
                boxes=torch.from_numpy(sample.boxes),
                labels=torch.from_numpy(sample.labels),
                instances=torch.from_numpy(sample.instances[None] == sample.instance_ids[:, None, None]),
            )
        )
    targets = [task.target(view, SETTINGS) for view in views]
    return torch.stack([view.image for view in views]), task.collate(targets)


def teach(
    net: PerceptionNet, views: torch.Tensor, targets: list, steps: int, rate: float, enough: float = 0.0
) -> list[float]:
    """Give the losses of so many steps, or until what is left is `enough` of the first."""
    optimiser, losses = torch.optim.AdamW(net.parameters(), rate), []
    for _ in range(steps):
        loss = torch.stack(list(net.loss(views, targets).values())).sum()
        losses.append(float(loss.detach()))
        if losses[-1] < enough * losses[0]:
            break
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
    return losses


def write(net: PerceptionNet, task: DetectionTask, samples: list[Sample], path: Path) -> Session:
    """Export; it is refused where the file does not give what torch gives on the samples."""
    card = ModelCard(
        name="boards",
        task=task.name,
        description="Finds boards.",
        input=CameraInput(width=WIDTH, height=HEIGHT),
        outputs=task.outputs,
        classes=CLASSES,
        boxed=BOXED,
        licence="CC0-1.0",
        revision="",
        command="test",
    )
    images = [sample.image for sample in samples]
    write_model(
        Deployed(net, task), card, images, path, lambda _: {}, differences=task.differences, tolerance=task.tolerance
    )
    return Session.load(path, task.name, "cpu", 1)


@pytest.mark.parametrize(("size", "steps"), [("nano", 60), ("small", 60)])
def test_own_nets_learn_a_small_set_by_heart_and_export(size: str, steps: int, tmp_path: Path) -> None:
    task, samples = DetectionTask(), pictures(5)
    net = task.nets[size].build(SETTINGS)
    losses = teach(net, *batch(task, samples), steps, 3e-3)
    assert losses[-1] < 0.3 * losses[0]
    session = write(net, task, samples, tmp_path / "boards.onnx")
    score = DetectionScore(session.card)
    for sample in samples:
        score.add(session.run(sample.image), sample)
    figures = score.figures()
    assert figures["map50"] > 0.9
    assert figures.keys() == {"map50", "map", "map50 red", "map50 green", "frames"}


@pytest.mark.parametrize(("task", "name"), OF_OTHERS, ids=[name for _, name in OF_OTHERS])
def test_torchvisions_nets_overfit_and_export(
    task: DetectionTask, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_pyramid, "_CHANNELS", 64)  # a tenth of the work
    samples = pictures(2)
    net = task.nets[name].build(SETTINGS)
    losses = teach(net, *batch(task, samples), 40, 1e-3 if name.startswith("ssd") else 5e-4, enough=0.3)
    assert losses[-1] < 0.3 * losses[0]
    net.eval()
    with torch.no_grad():
        views, targets = batch(task, samples)
        assert all(torch.isfinite(part) for part in net.loss(views, targets).values()), "also where nothing is learned"
        assert not net.training
        assert len(net(views)) == len(samples)
    session = write(net, task, samples, tmp_path / "boards.onnx")
    outputs = session.run(samples[0].image)
    count = len(outputs["boxes"])
    assert outputs["scores"].shape == (count, len(BOXED))
    assert ((outputs["scores"] >= 0) & (outputs["scores"] <= 1)).all()
    if task.name == "instances":
        assert outputs["masks"].shape == (count, 28, 28)


@pytest.mark.parametrize("name", ["nano", "ssdlite"])
def test_boxes_keep_their_precision_where_the_net_has_half_of_it(name: str) -> None:
    net = TASKS[0].nets[name].build(SETTINGS)
    views, targets = batch(TASKS[0], pictures(2))
    with torch.autocast("cpu", torch.bfloat16):
        parts = net.loss(views, targets)
        found = net.eval()(views)
    assert all(part.dtype == torch.float32 and torch.isfinite(part) for part in parts.values())
    assert found[0]["boxes"].dtype == torch.float32
    assert len(found[0]["boxes"].unique()) > 256, "half precision has 256 values from 64 to 128"


def test_keypoints_are_learned_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = torchvision_keypoints.KeypointRCNNHeads
    monkeypatch.setattr(torchvision_keypoints, "KeypointRCNNHeads", lambda channels, _: heads(channels, (16, 512)))
    views, targets = batch(TASKS[0], pictures(2)[:1])
    for target in targets:
        corners = target["boxes"].reshape(-1, 2, 2)
        target["keypoints"] = torch.cat([corners, torch.ones_like(corners[..., :1])], 2)
    net = keypoint_rcnn(SETTINGS, 2)
    losses = teach(net, views, targets, 40, 5e-4, enough=0.7)
    assert losses[-1] < 0.7 * losses[0], "boxes and points; where a point is hardly sharpens in so few steps"
    net.eval()
    with torch.no_grad():
        found = net(views)[0]
    assert found["keypoints"].shape == (len(found["boxes"]), 2, 3)


@pytest.mark.parametrize("size", [(48, 64), (65, 97), (240, 320)])
def test_own_net_takes_pictures_of_any_size(size: tuple[int, int]) -> None:
    net = TASKS[0].nets["nano"].build(SETTINGS).eval()
    with torch.no_grad():
        found = net(torch.rand(2, 3, *size))
    assert len(found) == 2
    cells = sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in (8, 16, 32))
    assert found[0]["boxes"].shape == (min(300, cells), 4)


def test_a_target_counts_classes_that_have_boxes_and_leaves_out_what_is_low() -> None:
    boxes = torch.tensor([[0, 0, 9, SMALLEST_PX], [0, 0, 9, SMALLEST_PX - 1]])
    target = box_target(View(torch.zeros(3, 64, 96), boxes=boxes, labels=torch.tensor([3, 1])), SETTINGS)
    assert target["labels"].tolist() == [1, 0]
    assert target["ignored"].tolist() == [False, True]


def test_a_box_of_a_class_that_has_none_is_refused() -> None:
    view = View(torch.zeros(3, 64, 96), boxes=torch.rand(1, 4), labels=torch.tensor([2]))
    with pytest.raises(LearningError, match="a box of the class 'sky', which the data says has none"):
        box_target(view, SETTINGS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_sample_without_boxes_is_refused(task: DetectionTask) -> None:
    with pytest.raises(LearningError, match="A sample has no "):
        task.target(View(torch.zeros(3, 64, 96)), SETTINGS)


def test_a_backbone_that_is_not_there_is_refused() -> None:
    with pytest.raises(LearningError, match="nearest first: resnet18"):
        TASKS[0].nets["fcos"].build(NetSettings("resnet81", WIDTH, HEIGHT, CLASSES, BOXED))


def test_nothing_is_normalised_apart_in_the_file(tmp_path: Path) -> None:
    """ONNX Runtime makes one operator of convolution, batch norm and ReLU."""
    from convoy.inference.runtime import onnxruntime

    samples = pictures(1)
    write(TASKS[0].nets["nano"].build(SETTINGS), TASKS[0], samples, tmp_path / "boards.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(str(tmp_path / "boards.onnx"), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert "FusedConv" in kinds
    assert "BatchNormalization" not in kinds
