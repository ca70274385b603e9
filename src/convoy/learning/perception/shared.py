"""Boxes, classes and depth from one net, which costs little more than one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from convoy.inference import ModelOutput
from convoy.learning.export import Outputs
from convoy.learning.nets.shared import MappedPerception, SharedPerception
from convoy.learning.perception.depth import DEPTH, DEPTH_TOLERANCE, depth_target
from convoy.learning.perception.detection import BOX_OUTPUTS, BOX_TOLERANCE, box_differences, box_target
from convoy.learning.perception.relocalisation import POSE_OUTPUTS, POSE_TOLERANCE
from convoy.learning.perception.segmentation import MASK, MASK_TOLERANCE
from convoy.learning.perception.task import NetChoice, NetSettings, Task, View

MAPPED = "mapped"
"""The net that tells the camera's pose in a map as well."""


class SharedTask(Task):
    """Nets give boxes (N, K, 4), scores (N, K, boxed), logits (N, C, H, W) and metres (N, H, W)."""

    name = "perception"
    needs: ClassVar[tuple[str, ...]] = ("boxes", "mask", "depth", "camera")
    nets: ClassVar[Mapping[str, NetChoice]] = {
        "shared": NetChoice(SharedPerception, "compact"),
        MAPPED: NetChoice(MappedPerception, "compact"),
    }
    outputs: ClassVar[tuple[ModelOutput, ...]] = (*BOX_OUTPUTS, MASK, DEPTH)
    tolerance: ClassVar[Mapping[str, float]] = {**BOX_TOLERANCE, "mask": MASK_TOLERANCE, "depth": DEPTH_TOLERANCE}
    weighted = True

    def of_net(self, net: str) -> Task:
        return MappedTask() if net == MAPPED else self

    def focal_length(self, settings: NetSettings) -> float:
        return settings.focal_px

    def target(self, view: View, settings: NetSettings) -> dict[str, Any]:
        depth = depth_target(view, settings)["depth"]
        return {"boxes": box_target(view, settings), "mask": view.mask, "depth": depth}

    def collate(self, targets: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {
            "boxes": [target["boxes"] for target in targets],
            "mask": torch.stack([target["mask"] for target in targets]),
            "depth": torch.stack([target["depth"] for target in targets]),
        }

    def decode(self, raw: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        boxes, scores, logits, depth = raw
        return boxes[0], scores[0], logits.argmax(dim=1).to(torch.uint8)[0], depth[0]

    def differences(self, wanted: Outputs, found: Outputs) -> dict[str, float]:
        boxes = {name: values for name, values in wanted.items() if name in BOX_TOLERANCE}
        rest = {name: values for name, values in wanted.items() if name not in BOX_TOLERANCE}
        return {**box_differences(boxes, found), **super().differences(rest, found)}


class MappedTask(SharedTask):
    """With a map: nets add what those of `RelocalisationTask` give. No picture is mirrored or cut."""

    needs: ClassVar[tuple[str, ...]] = (*SharedTask.needs, "pose")
    outputs: ClassVar[tuple[ModelOutput, ...]] = (*SharedTask.outputs, *POSE_OUTPUTS)
    tolerance: ClassVar[Mapping[str, float]] = {**SharedTask.tolerance, **POSE_TOLERANCE}
    mirrors = False
    zooms = False

    def target(self, view: View, settings: NetSettings) -> dict[str, Any]:
        return super().target(view, settings) | {"pose": view.pose}

    def collate(self, targets: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return super().collate(targets) | {"pose": torch.stack([target["pose"] for target in targets])}

    def decode(self, raw: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        shared = len(SharedTask.outputs)
        return *super().decode(raw[:shared]), *(values[0] for values in raw[shared:])
