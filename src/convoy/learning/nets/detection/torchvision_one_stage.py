"""torchvision's one-stage detectors, SSD, SSDLite, RetinaNet and FCOS, without their own scaling and suppression.

What stays is the network, its anchors, its matching and its losses. They answer for every anchor, and the best boxes
leave the graph, so that the same suppression stands behind all detectors.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import MobileNet_V3_Large_Weights, VGG16_Weights
from torchvision.models.detection import FCOS, RetinaNet, ssd300_vgg16, ssdlite320_mobilenet_v3_large
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou, clip_boxes_to_image

from convoy.learning.nets.detection.feature_pyramid import FeaturePyramid, one_stage_pyramid
from convoy.learning.nets.detection.predictions import best
from convoy.learning.nets.detection.targets import BoxTarget, Found, wanted
from convoy.learning.perception.task import NetSettings, PerceptionNet

_OCTAVE = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
_SMALLEST_ANCHOR = 8
"""Pixels. The paper's 32 are for pictures of 800 rows; ours have a third of that."""


class _Normalise(nn.Module):
    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, views: Tensor) -> Tensor:
        return (views - self.mean) / self.deviation


class OneStage(PerceptionNet):
    """Takes views of shape (N, 3, H, W) in 0..1, and finds at most 300 boxes in each, those of the highest score."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    @property
    def encoder(self) -> nn.Module:  # type: ignore[override]
        backbone = self.net.backbone
        return backbone.body if isinstance(backbone, FeaturePyramid) else backbone

    def loss(self, views: Tensor, targets: Sequence[BoxTarget]) -> dict[str, Tensor]:
        answers, anchors, cells = self._answers(views)
        return self._loss(answers, anchors, cells, targets)

    def forward(self, views: Tensor) -> Found:
        answers, anchors, _ = self._answers(views)
        boxes, scores = best(*self._found(answers, anchors))
        boxes = clip_boxes_to_image(boxes, (views.shape[2], views.shape[3]))
        return [{"boxes": places, "scores": said} for places, said in zip(boxes, scores, strict=True)]

    def _boxes(self, answers: dict[str, Tensor], anchors: list[Tensor]) -> Tensor:
        """Decode each image's answers (A, 4) from its anchors."""
        pairs = zip(answers["bbox_regression"], anchors, strict=True)
        return torch.stack([self.net.box_coder.decode_single(said, places) for said, places in pairs])

    def _answers(self, views: Tensor) -> tuple[dict[str, Tensor], list[Tensor], list[int]]:
        """What the net says, the anchors of each image, and the number of cells of each map."""
        features = list(self.net.backbone(views).values())
        shapes = [(views.shape[2], views.shape[3])] * len(views)
        # Anchors have the precision of the features that they are made for; half of it is a pixel or two.
        anchors = self.net.anchor_generator(ImageList(views, shapes), [values.float() for values in features])
        cells = [values.shape[2] * values.shape[3] for values in features]
        return {name: said.float() for name, said in self.net.head(features).items()}, anchors, cells

    @abstractmethod
    def _loss(
        self, answers: dict[str, Tensor], anchors: list[Tensor], cells: list[int], targets: Sequence[BoxTarget]
    ) -> dict[str, Tensor]: ...

    @abstractmethod
    def _found(self, answers: dict[str, Tensor], anchors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Boxes (N, A, 4) and scores (N, A, C)."""


class Ssd(OneStage):
    """Liu et al. 2016. The background is its first class."""

    def __init__(self, net: Any) -> None:
        super().__init__(net)
        net.backbone = nn.Sequential(_Normalise(net.transform.image_mean, net.transform.image_std), net.backbone)

    def _loss(
        self, answers: dict[str, Tensor], anchors: list[Tensor], cells: list[int], targets: Sequence[BoxTarget]
    ) -> dict[str, Tensor]:
        truths = wanted(targets, first_label=1)
        matches = []
        for places, truth in zip(anchors, truths, strict=True):
            if len(truth["boxes"]):
                matches.append(self.net.proposal_matcher(box_iou(truth["boxes"], places)))
            else:
                matches.append(torch.full((len(places),), -1, dtype=torch.int64, device=places.device))
        return self.net.compute_loss(truths, answers, anchors, matches)

    def _found(self, answers: dict[str, Tensor], anchors: list[Tensor]) -> tuple[Tensor, Tensor]:
        return self._boxes(answers, anchors), answers["cls_logits"].softmax(2)[..., 1:]


class Retina(OneStage):
    """Lin et al. 2017, "Focal Loss for Dense Object Detection"."""

    def _loss(
        self, answers: dict[str, Tensor], anchors: list[Tensor], cells: list[int], targets: Sequence[BoxTarget]
    ) -> dict[str, Tensor]:
        return self.net.compute_loss(wanted(targets), answers, anchors)

    def _found(self, answers: dict[str, Tensor], anchors: list[Tensor]) -> tuple[Tensor, Tensor]:
        return self._boxes(answers, anchors), answers["cls_logits"].sigmoid()


class Fcos(OneStage):
    """Tian et al. 2019. How far from the middle of its box a cell lies counts in its score."""

    def _loss(
        self, answers: dict[str, Tensor], anchors: list[Tensor], cells: list[int], targets: Sequence[BoxTarget]
    ) -> dict[str, Tensor]:
        return self.net.compute_loss(wanted(targets), answers, anchors, cells)

    def _found(self, answers: dict[str, Tensor], anchors: list[Tensor]) -> tuple[Tensor, Tensor]:
        boxes = self.net.box_coder.decode(answers["bbox_regression"], torch.stack(anchors))
        return boxes, (answers["cls_logits"].sigmoid() * answers["bbox_ctrness"].sigmoid()).sqrt()


def ssd(settings: NetSettings) -> Ssd:
    """Build SSD on VGG-16."""
    weights = VGG16_Weights.IMAGENET1K_FEATURES if settings.pretrained else None
    net = ssd300_vgg16(weights=None, weights_backbone=weights, num_classes=len(settings.boxed) + 1)
    for extra in net.backbone.extra[-2:]:
        # The paper's last two maps, 3x3 and 1x1, come out even for 300 pixels alone.
        extra[2].padding = (1, 1)
    return Ssd(net)


def ssdlite(settings: NetSettings) -> Ssd:
    """Build SSDLite on MobileNetV3-large (Howard et al. 2019); without published weights its last stage is halved."""
    weights = MobileNet_V3_Large_Weights.IMAGENET1K_V1 if settings.pretrained else None
    return Ssd(
        ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=weights, num_classes=len(settings.boxed) + 1)
    )


def retinanet(settings: NetSettings) -> Retina:
    """Build RetinaNet on a pyramid."""
    sizes = [_SMALLEST_ANCHOR * 2**level for level in range(5)]
    anchors = AnchorGenerator(
        tuple(tuple(int(size * part) for part in _OCTAVE) for size in sizes), ((0.5, 1.0, 2.0),) * len(sizes)
    )
    pyramid = one_stage_pyramid(settings.backbone, settings.pretrained)
    return Retina(RetinaNet(pyramid, len(settings.boxed), anchor_generator=anchors))


def fcos(settings: NetSettings) -> Fcos:
    """Build FCOS on a pyramid."""
    return Fcos(FCOS(one_stage_pyramid(settings.backbone, settings.pretrained), len(settings.boxed)))
