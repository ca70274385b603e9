"""torchvision's two-stage detectors: Faster R-CNN, and its heads for masks and for keypoints.

The second stage looks again where the first one proposes; both suppress what overlaps, inside of the graph.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import FasterRCNN, KeypointRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from convoy.learning.nets.detection.feature_pyramid import two_stage_pyramid
from convoy.learning.nets.detection.targets import BoxTarget, Found, wanted
from convoy.learning.perception.task import NetSettings, PerceptionNet

_SMALLEST_ANCHOR = 8
"""Pixels. The paper's 32 are for pictures of 800 rows; ours have a third of that."""
_RATIOS = (0.5, 1.0, 2.0)
_PROPOSALS = 300
"""That the second stage looks at when it runs; its time is proportional to them."""


class TwoStage(PerceptionNet):
    """Takes views of shape (N, 3, H, W) in 0..1, and finds at most 100 boxes in each, each with one class."""

    def __init__(self, net: Any, classes: int) -> None:
        super().__init__()
        self.net = net
        self._classes = classes

    @property
    def encoder(self) -> nn.Module:  # type: ignore[override]
        return self.net.backbone.body

    def loss(self, views: Tensor, targets: Sequence[BoxTarget]) -> dict[str, Tensor]:
        rpn, heads = self.net.rpn, self.net.roi_heads
        before = rpn.training
        # Only what these two do themselves: the batch norms within them keep their own mode.
        rpn.training = heads.training = True
        try:
            return self._run(views, wanted(targets, first_label=1))[1]
        finally:
            rpn.training = heads.training = before

    def forward(self, views: Tensor) -> Found:
        return [self._as_found(result) for result in self._run(views, None)[0]]

    def _run(self, views: Tensor, targets: list[BoxTarget] | None) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        shapes = [(views.shape[2], views.shape[3])] * len(views)
        images = ImageList(views, shapes)
        features = self.net.backbone(views)
        # Places in the picture need more digits than half precision has.
        with torch.autocast(views.device.type, enabled=False):
            features = OrderedDict((name, values.float()) for name, values in features.items())
            proposals, proposing = self.net.rpn(images, features, targets)
            results, answering = self.net.roi_heads(features, proposals, shapes, targets)
        return results, proposing | answering

    def _as_found(self, result: dict[str, Tensor]) -> dict[str, Tensor]:
        said = functional.one_hot(result["labels"] - 1, self._classes).to(result["scores"]) * result["scores"][:, None]
        found = {"boxes": result["boxes"], "scores": said}
        if "masks" in result:
            found["masks"] = result["masks"][:, 0]
        if "keypoints" in result:
            places = result["keypoints"][..., :2]
            found["keypoints"] = torch.cat([places, result["keypoints_scores"][..., None]], -1)
        return found


def _parts(settings: NetSettings) -> dict[str, Any]:
    sizes = tuple((_SMALLEST_ANCHOR * 2**level,) for level in range(5))
    return {
        "backbone": two_stage_pyramid(settings.backbone, settings.pretrained),
        "num_classes": len(settings.boxed) + 1,
        "rpn_anchor_generator": AnchorGenerator(sizes, (_RATIOS,) * len(sizes)),
        "rpn_post_nms_top_n_test": _PROPOSALS,
    }


def faster_rcnn(settings: NetSettings) -> TwoStage:
    """Build Faster R-CNN (Ren et al. 2015) on a pyramid."""
    return TwoStage(FasterRCNN(**_parts(settings)), len(settings.boxed))


def mask_rcnn(settings: NetSettings) -> TwoStage:
    """Build Mask R-CNN (He et al. 2017) on a pyramid; it finds masks of 28x28 within its boxes."""
    return TwoStage(MaskRCNN(**_parts(settings)), len(settings.boxed))


def keypoint_rcnn(settings: NetSettings, points: int) -> TwoStage:
    """Build Mask R-CNN's variant that finds so many keypoints of each thing."""
    return TwoStage(KeypointRCNN(**_parts(settings), num_keypoints=points), len(settings.boxed))
