"""What a whole picture shows: any backbone, pooled, and one dense layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.backbones import backbone
from convoy.learning.perception.task import NetSettings, PerceptionNet

LABEL_SMOOTHING = 0.1


class Classifier(PerceptionNet):
    """`forward` gives logits (N, C); targets are class numbers, (N,) int64."""

    class_weights: Tensor

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        encoder = backbone(settings.backbone, settings.pretrained)
        self.encoder = encoder
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(encoder.channels[-1], len(settings.classes)))
        weights = torch.tensor(settings.class_weights or [1.0] * len(settings.classes))
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, views: Tensor) -> Tensor:
        return self.head(functional.adaptive_avg_pool2d(self.encoder(views)[-1], 1).flatten(1))

    def loss(self, views: Tensor, targets: Tensor) -> dict[str, Tensor]:
        smoothing = LABEL_SMOOTHING if self.training else 0.0
        return {"class": functional.cross_entropy(self(views), targets, self.class_weights, label_smoothing=smoothing)}
