"""FCN, DeepLabV3 and LR-ASPP with torchvision's heads, on any backbone that gives what they need."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.models.segmentation.lraspp import LRASPPHead

from convoy.learning.nets.backbones import backbone, levels_at
from convoy.learning.nets.segmentation.net import SegmentationNet
from convoy.learning.perception.task import NetSettings

AUXILIARY_WEIGHT = 0.4


class HeadOnTop(SegmentationNet):
    """A head on the deepest maps, at stride 16, and a small one on those before it, which only teaches."""

    def __init__(self, settings: NetSettings, head: type[nn.Module]) -> None:
        encoder = backbone(settings.backbone, settings.pretrained, output_stride=16)
        super().__init__(settings, encoder)
        classes = len(settings.classes)
        self.head = head(encoder.channels[-1], classes)
        self.teacher = FCNHead(encoder.channels[-2], classes)

    def logits(self, views: Tensor) -> Tensor:
        return self.head(self.encoder(views)[-1])

    def auxiliary(self, views: Tensor) -> Sequence[tuple[float, Tensor]]:
        maps = self.encoder(views)
        return [(AUXILIARY_WEIGHT, self.teacher(maps[-2])), (1.0, self.head(maps[-1]))]


def fcn(settings: NetSettings) -> HeadOnTop:
    """FCN (Long et al. 2015), as torchvision has it."""
    return HeadOnTop(settings, FCNHead)


def deeplabv3(settings: NetSettings) -> HeadOnTop:
    """DeepLabV3 (Chen et al. 2017): atrous spatial pyramid pooling."""
    return HeadOnTop(settings, DeepLabHead)


class LrAspp(SegmentationNet):
    """LR-ASPP (Howard et al. 2019): pooled attention at stride 16, edges from stride 8."""

    def __init__(self, settings: NetSettings) -> None:
        encoder = backbone(settings.backbone, settings.pretrained, output_stride=16)
        super().__init__(settings, encoder)
        (self._low,) = levels_at(encoder, (8,))
        self.head = LRASPPHead(encoder.channels[self._low], encoder.channels[-1], len(settings.classes), 128)

    def logits(self, views: Tensor) -> Tensor:
        maps = self.encoder(views)
        return self.head({"low": maps[self._low], "high": maps[-1]})
