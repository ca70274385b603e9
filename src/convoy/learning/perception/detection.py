"""Detection: boxes of the things of the classes that have them. The best of many; suppression comes after the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from convoy.inference import ModelOutput
from convoy.learning.errors import LearningError
from convoy.learning.export import Outputs
from convoy.learning.nets.detection import detector, torchvision_one_stage, torchvision_two_stage
from convoy.learning.nets.detection.targets import BoxTarget, Found
from convoy.learning.perception.task import NetChoice, NetSettings, Task, View

SMALLEST_PX = 8.0
"""Boxes of fewer rows in the view are neither taught nor held against a net. Figures are of 12 rows and more; a margin
below keeps a net sure of what is just above."""
BOX_OUTPUTS = (
    ModelOutput(name="boxes", unit="px", description="x0 y0 x1 y1 of each box, in pixels of the input"),
    ModelOutput(name="scores", unit="probability", description="of each boxed class, for each box"),
)
BOX_TOLERANCE = {"boxes": 1e-3, "scores": 1e-3}
PLAIN_RATE = 3e-4
"""Learning rate of nets whose heads have no batch norm; at more they are lost within a few steps."""
_SAME = 0.98
"""Share of the boxes that must be alike: what one suppresses may depend on a hair's breadth."""


def box_target(view: View, settings: NetSettings) -> BoxTarget:
    """Take the boxes of a view, their labels as positions in `settings.boxed`.

    Raises:
        LearningError: a box is of a class that has none.
    """
    if view.boxes is None or view.labels is None:
        raise LearningError("A sample has no boxes, which detection is taught by.")
    places = torch.full((len(settings.classes),), -1, dtype=torch.int64)
    places[list(settings.boxed)] = torch.arange(len(settings.boxed))
    labels = places[view.labels]
    if bool((labels < 0).any()):
        name = settings.classes[int(view.labels[labels < 0][0])]
        raise LearningError(f"There is a box of the class {name!r}, which the data says has none.")
    low = view.boxes[:, 3] - view.boxes[:, 1] < SMALLEST_PX
    return {"boxes": view.boxes.float(), "labels": labels, "ignored": low}


def box_differences(wanted: Outputs, found: Outputs) -> dict[str, float]:
    """Say of each output how far most rows of `wanted`, whatever their order, are from the nearest row of `found`.

    Each box has a row in every output. Rows are compared by their largest |a - b| / (1 + |a|); a difference in number
    counts as rows that are not there. Which of equally sure boxes are kept last depends on a hair's breadth: where
    several of `wanted` share the last place they are not looked for.
    """
    scores = wanted["scores"]
    count, other = len(scores), len(found["scores"])
    if not min(count, other) >= _SAME * max(count, other):
        return dict.fromkeys(wanted, float("inf"))
    best = scores.max(axis=1, initial=0.0)
    last = best <= best.min(initial=1.0) + BOX_TOLERANCE["scores"]
    sought = ~last if last.sum() > 1 else np.ones_like(last)
    return {name: _to_nearest(values[sought], found[name]) for name, values in wanted.items()}


def _to_nearest(wanted: np.ndarray, found: np.ndarray) -> float:
    if not len(wanted):
        return 0.0
    wanted, found = wanted.reshape(len(wanted), 1, -1), found.reshape(1, len(found), -1)
    apart = (np.abs(wanted - found) / (1 + np.abs(wanted))).max(axis=2).min(axis=1)
    return float(np.quantile(apart, _SAME, method="lower"))


class DetectionTask(Task):
    """Finds boxes, each with the probability of each class."""

    name = "detection"
    needs: ClassVar[tuple[str, ...]] = ("boxes",)
    nets: ClassVar[Mapping[str, NetChoice]] = {
        "nano": NetChoice(detector.nano, "compact"),
        "small": NetChoice(detector.small, "compact_wide"),
        "ssdlite": NetChoice(torchvision_one_stage.ssdlite),
        "ssd": NetChoice(torchvision_one_stage.ssd, learning_rate=PLAIN_RATE),
        "retinanet": NetChoice(torchvision_one_stage.retinanet, "resnet50", PLAIN_RATE),
        "fcos": NetChoice(torchvision_one_stage.fcos, "resnet50", PLAIN_RATE),
        "faster-rcnn": NetChoice(torchvision_two_stage.faster_rcnn, "resnet50", PLAIN_RATE),
    }
    outputs: ClassVar[tuple[ModelOutput, ...]] = BOX_OUTPUTS
    tolerance: ClassVar[Mapping[str, float]] = BOX_TOLERANCE

    def target(self, view: View, settings: NetSettings) -> BoxTarget:
        return box_target(view, settings)

    def collate(self, targets: Sequence[Any]) -> list[BoxTarget]:
        return list(targets)

    def decode(self, raw: Found) -> tuple[Tensor, ...]:
        return tuple(raw[0][output.name] for output in self.outputs)

    def differences(self, wanted: Outputs, found: Outputs) -> dict[str, float]:
        return box_differences(wanted, found)
