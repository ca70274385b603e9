"""Compact: backbones for small pictures on a CPU, five stages of plain 3x3 convolutions with shortcuts.

ONNX Runtime computes dense convolutions of few channels faster than the depthwise ones of mobile nets, which count
fewer operations: see benchmarks.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.blocks import Normalise, conv_bn_relu

SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "compact": ((16, 32, 64, 128, 192), (0, 1, 2, 2, 1)),
    "compact_wide": ((32, 48, 96, 192, 256), (0, 1, 2, 3, 2)),
}
"""By name, channels and shortcut blocks of the stages at strides 2, 4, 8, 16 and 32."""


class Shortcut(nn.Module):
    """Two convolutions, added to what came in (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv_bn_relu(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(maps + self.second(self.first(maps)))


class Compact(nn.Module):
    """Takes views in 0..1; gives maps at strides 2, 4, 8, 16 and 32."""

    def __init__(self, size: str = "compact") -> None:
        super().__init__()
        widths, depths = SIZES[size]
        self.channels, self.strides = list(widths), (2, 4, 8, 16, 32)
        self.normalise = Normalise()
        ins = (3, *widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(conv_bn_relu(before, width, stride=2), *(Shortcut(width) for _ in range(depth)))
            for before, width, depth in zip(ins, widths, depths, strict=True)
        )

    def forward(self, views: Tensor) -> list[Tensor]:
        maps, found = self.normalise(views), []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return found
