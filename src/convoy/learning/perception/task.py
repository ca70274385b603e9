"""What a perception task states, so that one path trains, exports and describes all of them.

A task's module defines a `Task`; `tasks.py` names it. Its score, which needs no torch, is in `convoy.evaluation`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from convoy.inference import ModelOutput
from convoy.learning.export import Outputs


@dataclass(frozen=True, eq=False)
class View:
    """A sample at the net's size, augmented where it teaches. Fields that the sample lacks are None.

    Attributes:
        image: (3, H, W) float, RGB in 0..1.
        boxes: (N, 4) float, x0 y0 x1 y1 in pixels of the view; N may be 0.
        labels: (N,) int64, index in the data's classes.
        mask: (H, W) int64, class ids; 255 is void.
        instances: (N, H, W) bool, the visible pixels of each box's thing.
        keypoints: (N, P, 3) float, of each box's thing: x y in pixels of the view, and 1, or 0 where unknown.
        depth: (H, W) float, metres along the optical axis, 0 where unknown, +inf beyond what was measured.
        right: (3, H, W) float, the right picture of the stereo pair.
        baseline_m: of the stereo pair.
        camera: (3, 3) float, K of the view: pixel (0, 0) is the middle of the upper left pixel.
        pose: (7,) float, x y z qx qy qz qw of the optical frame in the map.
        category: index of what the whole picture shows.
    """

    image: Tensor
    boxes: Tensor | None = None
    labels: Tensor | None = None
    mask: Tensor | None = None
    instances: Tensor | None = None
    keypoints: Tensor | None = None
    depth: Tensor | None = None
    right: Tensor | None = None
    baseline_m: float = 0.0
    camera: Tensor | None = None
    pose: Tensor | None = None
    category: int | None = None


@dataclass(frozen=True)
class NetSettings:
    """What a net is built from.

    Attributes:
        backbone: name in torchvision or timm; empty for the net's own default.
        width, height: of the views, in pixels.
        classes: names, by the index that labels and masks use.
        boxed: indices of the classes whose things have boxes.
        points: names of the keypoints of a thing.
        class_weights: of each class in the loss, mean 1; empty for all alike.
        dropout: probability before the last layer, of nets that have it.
        loss: name of the loss, of tasks that have several; empty for the default.
        pretrained: start from torchvision's or timm's published weights of the backbone, which are fetched.
        focal_px: vertical focal length, in pixels of the view, of the camera that the net's depths are true for; 0 if
            unknown.
        metre_px: depth (m) times disparity (pixels of the view) of the stereo pairs trained on; 0 if there are none.
        origin: x y z in m, the middle of the mapped area, of camera poses.
        extent_m: typical distance from it.
        landmarks: poses x y z qx qy qz qw of training pictures all over the area.
        bounds: of the mapped area, least x y z and greatest x y z in m; None where no pose is known.
    """

    backbone: str
    width: int
    height: int
    classes: tuple[str, ...]
    boxed: tuple[int, ...] = ()
    points: tuple[str, ...] = ()
    class_weights: tuple[float, ...] = ()
    dropout: float = 0.0
    loss: str = ""
    pretrained: bool = False
    focal_px: float = 0.0
    metre_px: float = 0.0
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    extent_m: float = 1.0
    landmarks: tuple[tuple[float, ...], ...] = ()
    bounds: tuple[float, float, float, float, float, float] | None = None


class PerceptionNet(nn.Module, ABC):
    """A net of a perception task. It normalises its views by itself.

    Attributes:
        encoder: gives features (N, C, h, w) for views, as a list or a dict, shallow to deep; what ``--freeze`` freezes.
    """

    encoder: nn.Module

    @abstractmethod
    def loss(self, views: Tensor, targets: Any) -> dict[str, Tensor]:
        """Give the parts of the loss, which are summed, for views in 0..1, (N, 3, H, W), and `Task.collate`'s targets.

        Called in training and, with the net in `eval` mode and without gradients, for early stopping.
        """

    @abstractmethod
    def forward(self, views: Tensor) -> Any:
        """Give the task's raw outputs for views in 0..1, (N, 3, H, W); what `Task.decode` takes."""


@dataclass(frozen=True)
class NetChoice:
    """A net that a task can train.

    Attributes:
        build: how it is built.
        backbone: its default one, '' where it has one of its own.
        learning_rate: that suits it, where none is asked for.
    """

    build: Callable[[NetSettings], PerceptionNet]
    backbone: str = ""
    learning_rate: float = 2e-3


class Task(ABC):
    """A perception task.

    Attributes:
        name: as the command line and the card say it.
        needs: the fields of `Sample` that it is taught by, besides the image; the others are not read.
        nets: by the name that ``--net`` takes; the first is the default.
        losses: names that ``--loss`` takes, the first is the default; empty where there is only one.
        outputs: of the exported graph, in the order of `decode`.
        tolerance: by output, the largest `difference` between torch and the exported file.
        mirrors: whether a mirrored picture is as good a teacher.
        zooms: likewise for a part of the picture.
        weighted: whether `class_weights` from the masks' or the categories' frequencies make sense.
        speaks_of_classes: whether the card names the classes of the data.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    nets: ClassVar[Mapping[str, NetChoice]]
    losses: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[ModelOutput, ...]]
    tolerance: ClassVar[Mapping[str, float]]
    mirrors: ClassVar[bool] = True
    zooms: ClassVar[bool] = True
    weighted: ClassVar[bool] = False
    speaks_of_classes: ClassVar[bool] = True

    def of_net(self, net: str) -> Task:
        """The task as one of `nets` does it: itself, but for nets that give more."""
        return self

    def needs_of(self, loss: str) -> tuple[str, ...]:
        """The fields of `Sample` that one of `losses` is taught by; `needs`, where they are all alike."""
        return self.needs

    def focal_length(self, settings: NetSettings) -> float:
        """Focal length for the card, in pixels of the view, where the outputs depend on it; else 0."""
        return 0.0

    @abstractmethod
    def target(self, view: View, settings: NetSettings) -> Any:
        """Take from a view what the net's loss compares with."""

    def collate(self, targets: Sequence[Any]) -> Any:
        """Join the targets of a batch: by default tensors, or dicts of tensors, of equal shape are stacked."""
        if isinstance(targets[0], dict):
            return {name: torch.stack([target[name] for target in targets]) for name in targets[0]}
        return torch.stack(list(targets))

    @abstractmethod
    def decode(self, raw: Any) -> tuple[Tensor, ...]:
        """Turn the raw outputs of a batch of one image into the exported outputs, without an axis for the batch.

        It becomes part of the ONNX graph: plain tensor operations, no Python branches on values.
        """

    def differences(self, wanted: Outputs, found: Outputs) -> dict[str, float]:
        """Say of each output how far the exported file's is from torch's; compared with `tolerance`.

        By default the share of integers that differ, and the largest |a - b| / (1 + |a|) of floats.
        """
        return {name: _difference(values, found[name]) for name, values in wanted.items()}


def _difference(wanted: np.ndarray, found: np.ndarray) -> float:
    if wanted.shape != found.shape:
        return float("inf")
    if not wanted.size:
        return 0.0
    if np.issubdtype(wanted.dtype, np.integer):
        return float(np.mean(wanted != found))
    return float(np.max(np.abs(wanted - found) / (1 + np.abs(wanted))))
