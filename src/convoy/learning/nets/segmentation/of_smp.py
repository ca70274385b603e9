"""U-Net and DeepLabV3+ of segmentation_models_pytorch, on the backbones of timm."""

from __future__ import annotations

from typing import Any

import segmentation_models_pytorch as smp
import timm
from torch import Tensor

from convoy.learning.errors import LearningError
from convoy.learning.nets.blocks import Normalise
from convoy.learning.nets.segmentation.net import SegmentationNet
from convoy.learning.perception.task import NetSettings


class Smp(SegmentationNet):
    """The parts of a net of segmentation_models_pytorch."""

    def __init__(self, settings: NetSettings, build: Any) -> None:
        if not timm.is_model(settings.backbone):
            raise LearningError(f"This net takes backbones of timm, and {settings.backbone!r} is none.")
        try:
            model = build(
                encoder_name=f"tu-{settings.backbone}",
                encoder_weights="imagenet" if settings.pretrained else None,
                classes=len(settings.classes),
            )
        except (OSError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise LearningError(f"{settings.backbone} can't serve here: {str(error).splitlines()[0]}") from None
        super().__init__(settings, model.encoder)
        self.normalise, self.decoder, self.head = Normalise(), model.decoder, model.segmentation_head

    def logits(self, views: Tensor) -> Tensor:
        return self.head(self.decoder(self.encoder(self.normalise(views))))


def unet(settings: NetSettings) -> Smp:
    """U-Net (Ronneberger et al. 2015)."""
    return Smp(settings, smp.Unet)


def deeplabv3_plus(settings: NetSettings) -> Smp:
    """DeepLabV3+ (Chen et al. 2018)."""
    return Smp(settings, smp.DeepLabV3Plus)
