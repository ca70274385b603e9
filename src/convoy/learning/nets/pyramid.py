"""The decoder for maps as fine as the picture: what deep layers know, added to where shallow ones see it.

A feature pyramid (Lin et al. 2017) with a context pooled from the whole picture (Zhao et al. 2017, in its simplest
form), narrow where maps are large.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.blocks import conv_bn_relu, resize_like


class PyramidDecoder(nn.Module):
    """Takes maps of these channels, shallow to deep; gives maps of `widths` channels in the same order and sizes."""

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = list(widths)
        self.context = nn.Conv2d(channels[-1], widths[-1], 1)
        self.laterals = nn.ModuleList(nn.Conv2d(ins, width, 1) for ins, width in zip(channels, widths, strict=True))
        self.narrow = nn.ModuleList(
            nn.Conv2d(deep, width, 1) if deep != width else nn.Identity() for width, deep in pairwise(widths)
        )
        self.smooth = nn.ModuleList(conv_bn_relu(width, width) for width in widths)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        pooled = self.context(functional.adaptive_avg_pool2d(maps[-1], 1))
        found = [self.smooth[-1](functional.relu(self.laterals[-1](maps[-1]) + pooled))]
        for level in range(len(maps) - 2, -1, -1):
            # Channels are reduced before the map grows: the same sum for a quarter of the work.
            deeper = resize_like(self.narrow[level](found[0]), maps[level])
            found.insert(0, self.smooth[level](functional.relu(self.laterals[level](maps[level]) + deeper)))
        return found


def widths_for(strides: Sequence[int], least: int = 16, most: int = 96) -> list[int]:
    """Channels for a decoder: twice as many at each stride, in bounds."""
    return [min(most, max(least, 8 * stride)) for stride in strides]
