"""Keypoints: boxes, and where the points of the thing in each lie, a person's joints for example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from convoy.inference import ModelOutput
from convoy.learning.errors import LearningError
from convoy.learning.nets.detection.targets import BoxTarget
from convoy.learning.nets.detection.torchvision_two_stage import TwoStage, keypoint_rcnn
from convoy.learning.perception.detection import BOX_OUTPUTS, BOX_TOLERANCE, PLAIN_RATE, DetectionTask, box_target
from convoy.learning.perception.task import NetChoice, NetSettings, View


def _net(settings: NetSettings) -> TwoStage:
    if not settings.points:
        raise LearningError("The data names no keypoints, which a net for them is built from.")
    net = keypoint_rcnn(settings, len(settings.points))
    # torchvision's loss takes its maps in torch's own order only, whatever the net computes in.
    net.net.roi_heads.keypoint_predictor.register_forward_hook(_in_order)
    return net


def _in_order(_: nn.Module, __: tuple[Tensor, ...], maps: Tensor) -> Tensor:
    return maps.contiguous()


class KeypointsTask(DetectionTask):
    """Finds boxes, and each one's points. Left and right are not told apart by a mirror: views are not mirrored."""

    name = "keypoints"
    needs: ClassVar[tuple[str, ...]] = ("boxes", "keypoints")
    nets: ClassVar[Mapping[str, NetChoice]] = {"keypoint-rcnn": NetChoice(_net, "resnet50", PLAIN_RATE)}
    outputs: ClassVar[tuple[ModelOutput, ...]] = (
        *BOX_OUTPUTS,
        ModelOutput(name="keypoints", unit="px, score", description="x y score of each point, for each box"),
    )
    tolerance: ClassVar[Mapping[str, float]] = {**BOX_TOLERANCE, "keypoints": 5e-2}
    mirrors = False

    def target(self, view: View, settings: NetSettings) -> BoxTarget:
        if view.keypoints is None:
            raise LearningError("A sample has no keypoints, which they are taught by.")
        return box_target(view, settings) | {"keypoints": view.keypoints}
