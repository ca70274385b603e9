"""ICNet (Zhao et al. 2018): a deep net sees a small picture, shallow ones the larger ones, joined in a cascade."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.backbones import backbone, levels_at
from convoy.learning.nets.blocks import Normalise, conv_bn_relu, resize, resize_like
from convoy.learning.nets.segmentation.net import SegmentationNet
from convoy.learning.perception.task import NetSettings

WIDTH = 128
SHARED_STRIDE = 8
GUIDANCE = 0.4
"""Weight of the labels that guide the coarser steps of the cascade."""


class CascadeFusion(nn.Module):
    """Joins coarse maps with those of twice their size; the coarse ones are taught on their own too."""

    def __init__(self, coarse: int, fine: int, classes: int) -> None:
        super().__init__()
        self.coarse = nn.Sequential(
            nn.Conv2d(coarse, WIDTH, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(WIDTH)
        )
        self.fine = nn.Sequential(nn.Conv2d(fine, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH))
        self.guide = nn.Conv2d(coarse, classes, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        grown = resize_like(coarse, fine)
        return functional.relu(self.coarse(grown) + self.fine(fine)), self.guide(grown)


class IcNet(SegmentationNet):
    """A quarter of the picture passes the whole backbone, half of it the part up to stride 8, all of it three layers.

    The cascade's steps are at strides 32, 16 and 8 of the whole picture. The paper dilates the deep stages to stay
    there; here they keep their strides, as any backbone has them, and are interpolated.
    """

    def __init__(self, settings: NetSettings) -> None:
        encoder = backbone(settings.backbone, settings.pretrained)
        super().__init__(settings, encoder)
        classes = len(settings.classes)
        (self._shared,) = levels_at(encoder, (SHARED_STRIDE,))
        self.normalise = Normalise()
        self.large = nn.Sequential(
            conv_bn_relu(3, 32, stride=2), conv_bn_relu(32, 32, stride=2), conv_bn_relu(32, 64, stride=2)
        )
        self.reduce = nn.ModuleList(nn.Conv2d(ins, WIDTH, 1) for ins in encoder.channels[self._shared :])
        self.context = nn.Conv2d(encoder.channels[-1], WIDTH, 1)
        self.middle = CascadeFusion(WIDTH, encoder.channels[self._shared], classes)
        self.finest = CascadeFusion(WIDTH, 64, classes)
        self.head = nn.Conv2d(WIDTH, classes, 1)

    def logits(self, views: Tensor) -> Tensor:
        return self._cascade(views)[-1]

    def auxiliary(self, views: Tensor) -> Sequence[tuple[float, Tensor]]:
        coarsest, middle, finest = self._cascade(views)
        return [(GUIDANCE, coarsest), (GUIDANCE, middle), (1.0, finest)]

    def _cascade(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        height, width = views.shape[-2:]
        half, quarter = (resize(views, height // part, width // part) for part in (2, 4))
        maps = self.encoder(quarter)[self._shared :]
        reduced = [resize_like(reduce(found), maps[0]) for reduce, found in zip(self.reduce, maps, strict=True)]
        context = self.context(functional.adaptive_avg_pool2d(maps[-1], 1))
        coarse = functional.relu(torch.stack(reduced).sum(dim=0) + context)
        joined, first = self.middle(coarse, self.encoder(half)[self._shared])
        joined, second = self.finest(joined, self.large(self.normalise(views)))
        return first, second, self.head(resize(joined, height // 4, width // 4))
