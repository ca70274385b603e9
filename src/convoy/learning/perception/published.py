"""torchvision's nets with the weights that were published for them, as model files like those trained here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torchvision
from torch import Tensor, nn
from torchvision.models import detection, get_model, get_model_weights, list_models, segmentation
from torchvision.models.detection.ssd import SSD

from convoy.errors import nearest
from convoy.inference import CameraInput, ModelCard
from convoy.learning.errors import LearningError
from convoy.learning.export import write_model
from convoy.learning.nets.blocks import Normalise
from convoy.learning.nets.detection.torchvision_one_stage import Fcos, Retina, Ssd
from convoy.learning.nets.detection.torchvision_two_stage import TwoStage
from convoy.learning.perception.deployed import Deployed
from convoy.learning.perception.task import PerceptionNet
from convoy.learning.perception.tasks import open_task

LICENCE = "not stated; torchvision's code is BSD-3-Clause, COCO's annotations are CC BY 4.0"
SIZE = 640, 480
_OWN_SIZES = {"ssd300": (300, 300), "ssdlite320": (320, 320)}
_FRAMES_COMPARED = 4
_NO_CLASS = ("__background__", "N/A", "no person")


class _Segmentation(nn.Module):
    """Logits (N, C, H, W)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.normalise, self.net = Normalise(), net

    def forward(self, views: Tensor) -> Tensor:
        return self.net(self.normalise(views))["out"]


class _OfSome(nn.Module):
    """A detector that speaks of some of its classes only: the others are names that COCO gave up."""

    def __init__(self, net: PerceptionNet, columns: Sequence[int]) -> None:
        super().__init__()
        self.net, self._columns = net, list(columns)

    def forward(self, views: Tensor) -> list[dict[str, Tensor]]:
        return [found | {"scores": found["scores"][:, self._columns]} for found in self.net(views)]


def names() -> list[str]:
    """The nets that weights are published for."""
    return [*list_models(detection), *list_models(segmentation)]


def default_size(name: str) -> tuple[int, int]:
    """Width and height of a net's input: its own, where it was made for one."""
    return _OWN_SIZES.get(name.partition("_")[0], SIZE)


def fetch(name: str) -> nn.Module:
    """Build a net with its published weights, from torch's cache or from the network.

    Raises:
        LearningError: there is no such net, or its weights can't be fetched.
    """
    if name not in names():
        raise LearningError(
            f"torchvision has no net {name!r} with COCO weights; nearest first: {', '.join(nearest(name, names()))}."
        )
    try:
        net: nn.Module = get_model(name, weights="DEFAULT")
    except OSError as error:  # urllib's is one
        raise LearningError(f"The published weights of {name} can't be fetched: {error}.") from None
    return net


def write(name: str, net: Any, size: tuple[int, int], out: Path, command: str) -> ModelCard:
    """Write a net of torchvision as a model file; it gives what torch gives, for an input of this width and height.

    Raises:
        LearningError: it does not.
    """
    weights = get_model_weights(name).DEFAULT
    task = open_task(_task(net))
    columns = [number for number, one in enumerate(weights.meta["categories"]) if one not in _NO_CLASS]
    classes = tuple(weights.meta["categories"][number] for number in columns)
    if task.name == "segmentation":
        classes = tuple(weights.meta["categories"])
    card = ModelCard(
        name=out.stem,
        task=task.name,
        description=f"torchvision's {name}, weights {weights.name} as published; made by the recipe at "
        f"{weights.meta['recipe']}.",
        input=CameraInput(width=size[0], height=size[1]),
        outputs=task.outputs,
        classes=classes,
        keypoints=tuple(weights.meta.get("keypoint_names", ())),
        metrics={f"{data}, in per cent, as published": found for data, found in weights.meta["_metrics"].items()},
        licence=LICENCE,
        revision=f"torchvision {torchvision.__version__}",
        command=command,
    )
    return write_model(
        Deployed(_Segmentation(net) if task.name == "segmentation" else _detector(net, columns), task),
        card,
        _frames(size),
        out,
        lambda _: card.metrics,
        differences=task.differences,
        tolerance=task.tolerance,
    )


def _task(net: nn.Module) -> str:
    if isinstance(net, detection.MaskRCNN):
        return "instances"
    if isinstance(net, detection.KeypointRCNN):
        return "keypoints"
    return "segmentation" if hasattr(net, "classifier") else "detection"


def _detector(net: Any, categories: Sequence[int]) -> nn.Module:
    """Without torchvision's own scaling; suppression comes after the graph."""
    if isinstance(net, SSD):
        return _OfSome(Ssd(net), [number - 1 for number in categories])
    net.backbone = nn.Sequential(Normalise(), net.backbone)
    if isinstance(net, detection.RetinaNet | detection.FCOS):
        one_stage = Retina(net) if isinstance(net, detection.RetinaNet) else Fcos(net)
        return _OfSome(one_stage, categories)
    return _OfSome(TwoStage(net, max(categories)), [number - 1 for number in categories])


def _frames(size: tuple[int, int]) -> list[np.ndarray]:
    """Blotches of colour."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (_FRAMES_COMPARED, 8, 8, 3), np.uint8)
    return [cv2.resize(blotches, size, interpolation=cv2.INTER_CUBIC) for blotches in coarse]
