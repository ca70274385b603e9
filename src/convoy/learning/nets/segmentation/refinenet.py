"""RefineNet (Lin et al. 2017): deep maps are refined step by step with those of shallower layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.backbones import backbone
from convoy.learning.nets.blocks import resize_like
from convoy.learning.nets.segmentation.net import SegmentationNet
from convoy.learning.perception.task import NetSettings

WIDTH, DEEPEST_WIDTH = 256, 512
FIRST_STRIDE = 4
POOLINGS = 2


class ResidualUnit(nn.Module):
    """Two convolutions behind ReLUs, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.second(functional.relu(self.first(functional.relu(maps))))


class Refinement(nn.Module):
    """Adapts its inputs, fuses them at the size of the finest, and pools context in a chain of shortcuts.

    Takes the maps of the encoder and, but at the deepest level, those of the refinement below.
    """

    def __init__(self, width: int, deeper: int | None) -> None:
        super().__init__()
        ins = [width] if deeper is None else [width, deeper]
        self.adapt = nn.ModuleList(nn.Sequential(ResidualUnit(of), ResidualUnit(of)) for of in ins)
        self.fuse = nn.ModuleList(nn.Conv2d(of, width, 3, padding=1) for of in ins)
        self.chain = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(POOLINGS))
        self.out = ResidualUnit(width)

    def forward(self, maps: Tensor, deeper: Tensor | None) -> Tensor:
        fused = self.fuse[0](self.adapt[0](maps))
        if deeper is not None:
            fused = fused + resize_like(self.fuse[1](self.adapt[1](deeper)), fused)
        total = pooled = functional.relu(fused)
        for convolution in self.chain:
            pooled = convolution(functional.max_pool2d(pooled, 5, 1, 2))
            total = total + pooled
        return self.out(total)


class RefineNet(SegmentationNet):
    """Four refinements, at strides 32, 16, 8 and 4."""

    def __init__(self, settings: NetSettings) -> None:
        encoder = backbone(settings.backbone, settings.pretrained)
        super().__init__(settings, encoder)
        self._first = next(level for level, stride in enumerate(encoder.strides) if stride >= FIRST_STRIDE)
        channels = encoder.channels[self._first :]
        widths = [WIDTH] * (len(channels) - 1) + [DEEPEST_WIDTH]
        self.enter = nn.ModuleList(
            nn.Conv2d(ins, width, 1, bias=False) for ins, width in zip(channels, widths, strict=True)
        )
        self.refine = nn.ModuleList(
            Refinement(width, deeper) for width, deeper in zip(widths, [*widths[1:], None], strict=True)
        )
        self.head = nn.Sequential(
            ResidualUnit(WIDTH), nn.Dropout2d(settings.dropout), nn.Conv2d(WIDTH, len(settings.classes), 3, padding=1)
        )

    def logits(self, views: Tensor) -> Tensor:
        maps = self.encoder(views)[self._first :]
        refined: Tensor | None = None
        for enter, refine, found in zip(reversed(self.enter), reversed(self.refine), reversed(maps), strict=True):
            refined = refine(enter(found), refined)
        return self.head(refined)
