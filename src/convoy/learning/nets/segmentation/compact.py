"""The default for small pictures on a CPU: a backbone, a feature pyramid down to stride 2, one layer on top."""

from __future__ import annotations

from torch import Tensor, nn

from convoy.learning.nets.backbones import backbone
from convoy.learning.nets.blocks import filled, precisely, resize_like
from convoy.learning.nets.pyramid import PyramidDecoder, widths_for
from convoy.learning.nets.segmentation.net import SegmentationNet
from convoy.learning.perception.task import NetSettings


class CompactSegmentation(SegmentationNet):
    """Classes at half the picture's size, where the poles of a street are a pixel wide, then interpolated."""

    def __init__(self, settings: NetSettings) -> None:
        encoder = backbone(settings.backbone, settings.pretrained)
        super().__init__(settings, encoder)
        widths = widths_for(encoder.strides)
        self.decoder = PyramidDecoder(encoder.channels, widths)
        self.classes = nn.Sequential(nn.Dropout2d(settings.dropout), nn.Conv2d(widths[0], len(settings.classes), 1))

    def logits(self, views: Tensor) -> Tensor:
        return precisely(self.classes, self._maps(views))

    def forward(self, views: Tensor) -> Tensor:
        return resize_like(filled(self.classes[1], self._maps(views)), views)

    def _maps(self, views: Tensor) -> Tensor:
        finest: Tensor = self.decoder(self.encoder(views))[0]
        return finest
