"""All at once: one encoder sees, and heads say where things are, what each pixel shows and how far it is."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from convoy.learning.nets.backbones import backbone, levels_at
from convoy.learning.nets.blocks import filled, precisely, resize, resize_like
from convoy.learning.nets.depth import DepthHead
from convoy.learning.nets.depth_losses import scale_invariant
from convoy.learning.nets.detection.detector import STRIDES, WIDTHS
from convoy.learning.nets.detection.head import DetectionHead
from convoy.learning.nets.detection.loss import detection_loss, probability
from convoy.learning.nets.detection.neck import Neck
from convoy.learning.nets.detection.predictions import Predictions, best
from convoy.learning.nets.posenet import PoseHead
from convoy.learning.nets.pyramid import PyramidDecoder, widths_for
from convoy.learning.nets.segmentation.net import ClassLoss
from convoy.learning.perception.task import NetSettings, PerceptionNet

BOX_WIDTH = WIDTHS["nano"]
"""As the detector nano has it, which starts whole from this net."""
WEIGHTS = {"boxes": 0.3, "mask": 1.0, "depth": 1.0, "pose": 0.3}
"""Of the heads' losses, so that they are of a size."""


class SharedPerception(PerceptionNet):
    """`forward` gives boxes (N, K, 4), scores (N, K, boxed), logits of classes (N, C, H, W) and depth (N, H, W).

    Depth is in metres, as the camera of the settings' focal length would see it. Targets are a dict: `boxes` as
    `detection_loss` takes them, `mask` (N, H, W) and `depth` (N, H, W).
    """

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        encoder = backbone(settings.backbone, settings.pretrained)
        self.encoder = encoder
        self._box_levels = levels_at(encoder, STRIDES)
        self.decoder = PyramidDecoder(encoder.channels, widths_for(encoder.strides))
        self.classes = nn.Sequential(
            nn.Dropout2d(settings.dropout), nn.Conv2d(self.decoder.widths[0], len(settings.classes), 1)
        )
        self.depth = DepthHead(self.decoder.widths[0])
        self.neck = Neck([encoder.channels[level] for level in self._box_levels], BOX_WIDTH)
        self.boxes = DetectionHead(BOX_WIDTH, STRIDES, len(settings.boxed))
        self.class_loss = ClassLoss(settings)

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        return self.answers(self.encoder(views), views)

    def loss(self, views: Tensor, targets: dict[str, Any]) -> dict[str, Tensor]:
        parts = self.losses(self.encoder(views), views, targets)
        return {
            f"{head}_{name}": WEIGHTS[head] * value for head, losses in parts.items() for name, value in losses.items()
        }

    def answers(self, maps: list[Tensor], views: Tensor) -> tuple[Tensor, ...]:
        """What all heads say of the encoder's maps."""
        predictions, fine, log_depth = self._predict(maps, views)
        boxes, scores = best(predictions.boxes, predictions.logits.sigmoid())
        return boxes, probability(scores), resize_like(filled(self.classes[1], fine), views), log_depth.exp()

    def losses(self, maps: list[Tensor], views: Tensor, targets: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
        """The parts of each head's loss, before they are weighed."""
        predictions, fine, log_depth = self._predict(maps, views)
        return {
            "boxes": detection_loss(predictions, targets["boxes"]),
            "mask": {"class": self.class_loss(precisely(self.classes, fine), targets["mask"])},
            "depth": scale_invariant(log_depth, targets["depth"]),
        }

    def _predict(self, maps: list[Tensor], views: Tensor) -> tuple[Predictions, Tensor, Tensor]:
        predictions = self.boxes(self.neck([maps[level] for level in self._box_levels]))
        fine = self.decoder(maps)[0]
        log_depth = resize(self.depth(fine)[:, None], *views.shape[-2:])[:, 0]
        return predictions, fine, log_depth


class MappedPerception(SharedPerception):
    """Tells the camera's pose in a map as well: `forward` adds what `PoseHead` gives, targets have its `pose`."""

    def __init__(self, settings: NetSettings) -> None:
        super().__init__(settings)
        self.pose = PoseHead(self.encoder, settings, learned=True)

    def answers(self, maps: list[Tensor], views: Tensor) -> tuple[Tensor, ...]:
        return *super().answers(maps, views), *self.pose(maps[-1])

    def losses(self, maps: list[Tensor], views: Tensor, targets: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
        return super().losses(maps, views, targets) | {"pose": self.pose.loss(maps[-1], targets["pose"])}
