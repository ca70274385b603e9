"""convoy's own detector: one stage, no anchors, made for small pictures on a CPU.

Any backbone with maps at strides 8, 16 and 32. From the papers: path aggregation neck (PANet), head on cells without
anchors (FCOS, YOLOX), task-aligned assignment (TOOD), complete IoU loss (Zheng et al. 2020). Boxes are regressed
directly: YOLOv6 (Li et al. 2022) found that a distribution of each edge (GFL) does not pay for its time in small nets.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from convoy.learning.nets.backbones import backbone, levels_at
from convoy.learning.nets.detection.head import DetectionHead
from convoy.learning.nets.detection.loss import detection_loss, probability
from convoy.learning.nets.detection.neck import Neck
from convoy.learning.nets.detection.predictions import Predictions, best
from convoy.learning.nets.detection.targets import BoxTarget, Found
from convoy.learning.perception.task import NetSettings, PerceptionNet

STRIDES = (8, 16, 32)
"""Pixels of the picture per cell of each map."""
WIDTHS = {"nano": 48, "small": 96}
"""Channels of neck and head."""


class Detector(PerceptionNet):
    """Takes views of shape (N, 3, H, W) in 0..1, and finds at most 300 boxes in each, those of the highest score.

    Boxes of one thing are many: nothing is suppressed.
    """

    def __init__(self, settings: NetSettings, size: str) -> None:
        super().__init__()
        encoder, width = backbone(settings.backbone, settings.pretrained), WIDTHS[size]
        self.encoder = encoder
        self._levels = levels_at(encoder, STRIDES)
        self.neck = Neck([encoder.channels[level] for level in self._levels], width)
        self.boxes = DetectionHead(width, STRIDES, len(settings.boxed))

    def predict(self, views: Tensor) -> Predictions:
        """Say of every cell what is there."""
        maps = self.encoder(views)
        return self.boxes(self.neck([maps[level] for level in self._levels]))

    def loss(self, views: Tensor, targets: Sequence[BoxTarget]) -> dict[str, Tensor]:
        return detection_loss(self.predict(views), targets)

    def forward(self, views: Tensor) -> Found:
        predictions = self.predict(views)
        boxes, scores = best(predictions.boxes, predictions.logits.sigmoid())
        return [{"boxes": places, "scores": probability(said)} for places, said in zip(boxes, scores, strict=True)]


nano = partial(Detector, size="nano")
small = partial(Detector, size="small")
