"""Feature pyramids (Lin et al. 2017) on a backbone by name, as torchvision's detectors want them."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock, LastLevelMaxPool, LastLevelP6P7

from convoy.learning.nets.backbones import backbone

_CHANNELS = 256
"""Of every map, as in the papers."""


class FeaturePyramid(nn.Module):
    """Takes views (N, 3, H, W) in 0..1; gives maps (N, 256, h, w), fine to coarse.

    Those of the backbone named `name` from a stride of `finest` on are completed by what `more` adds to the coarsest.
    """

    def __init__(self, name: str, pretrained: bool, finest: int, more: ExtraFPNBlock) -> None:
        super().__init__()
        self.body = backbone(name, pretrained)
        self.levels = [level for level, stride in enumerate(self.body.strides) if stride >= finest]
        self.fpn = FeaturePyramidNetwork([self.body.channels[level] for level in self.levels], _CHANNELS, more)
        self.out_channels = _CHANNELS

    def forward(self, views: Tensor) -> OrderedDict[str, Tensor]:
        maps = self.body(views)
        return self.fpn(OrderedDict((str(level), maps[level]) for level in self.levels))


def two_stage_pyramid(name: str, pretrained: bool) -> FeaturePyramid:
    """Build a pyramid of strides 4 to 64, as Faster R-CNN has it.

    Raises:
        LearningError: see `backbone`.
    """
    return FeaturePyramid(name, pretrained, 4, LastLevelMaxPool())


def one_stage_pyramid(name: str, pretrained: bool) -> FeaturePyramid:
    """Build a pyramid of strides 8 to 128, as RetinaNet and FCOS have it.

    Raises:
        LearningError: see `backbone`.
    """
    return FeaturePyramid(name, pretrained, 8, LastLevelP6P7(_CHANNELS, _CHANNELS))
