"""SegNet (Badrinarayanan et al. 2017): VGG as encoder, whose pooling indices say where the decoder puts its values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model

from convoy.learning.errors import LearningError
from convoy.learning.nets.blocks import Normalise, conv_bn_relu, resize_like
from convoy.learning.nets.segmentation.net import SegmentationNet
from convoy.learning.perception.task import NetSettings

BACKBONES = ("vgg16_bn", "vgg11_bn", "vgg13_bn", "vgg19_bn")


class VggEncoder(nn.Module):
    """The convolutions of a VGG net between its poolings."""

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        if name not in BACKBONES:
            raise LearningError(f"SegNet pools as VGG does; wanted one of {', '.join(BACKBONES)}, found {name!r}.")
        try:
            layers = get_model(name, weights="DEFAULT" if pretrained else None).features
        except OSError as error:
            raise LearningError(f"The published weights of {name} can't be fetched: {error}.") from None
        stages: list[list[nn.Module]] = [[]]
        for layer in layers:
            if isinstance(layer, nn.MaxPool2d):
                stages.append([])
            else:
                stages[-1].append(layer)
        self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages if stage)
        self.normalise = Normalise()
        convolutions = [[layer for layer in stage if isinstance(layer, nn.Conv2d)] for stage in stages if stage]
        self.channels = [stage[-1].out_channels for stage in convolutions]
        self.depths = [len(stage) for stage in convolutions]

    def forward(self, views: Tensor) -> list[Tensor]:
        return [maps for maps, _ in self.pooled(views)]

    def pooled(self, views: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Give each stage's maps before pooling, and where in them lay what was kept; last of all the pooled maps."""
        found: list[tuple[Tensor, Tensor]] = []
        maps = self.normalise(views)
        for stage in self.stages:
            before = stage(maps)
            maps, places = functional.max_pool2d(before, 2, return_indices=True)
            found.append((before, places))
        return [*found, (maps, places)]


class SegNet(SegmentationNet):
    """The encoder's mirror image puts each value back where its maximum was, among zeros."""

    encoder: VggEncoder

    def __init__(self, settings: NetSettings) -> None:
        encoder = VggEncoder(settings.backbone, settings.pretrained)
        super().__init__(settings, encoder)
        outs = [encoder.channels[0], *encoder.channels[:-1]]
        self.stages = nn.ModuleList(
            nn.Sequential(*(conv_bn_relu(width, width) for _ in range(depth - 1)), conv_bn_relu(width, out))
            for width, out, depth in zip(encoder.channels, outs, encoder.depths, strict=True)
        )
        self.head = nn.Conv2d(outs[0], len(settings.classes), 3, padding=1)

    def logits(self, views: Tensor) -> Tensor:
        *stages, (maps, _) = self.encoder.pooled(views)
        for decode, (before, places) in zip(reversed(self.stages), reversed(stages), strict=True):
            maps = decode(unpool(maps, places, before))
        return resize_like(self.head(maps), views)


def unpool(maps: Tensor, places: Tensor, like: Tensor) -> Tensor:
    """Put maps (N, C, h, w) among zeros of the shape of `like`, at the flat `places` that max_pool2d gave."""
    # As a scatter: max_unpool2d can't be exported.
    zeros = torch.zeros_like(like).flatten(2)
    return zeros.scatter(2, places.flatten(2), maps.to(zeros.dtype).flatten(2)).view(like.shape)
