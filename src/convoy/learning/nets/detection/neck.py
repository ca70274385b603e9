"""The part that joins near and far: path aggregation (Liu et al. 2018, PANet), with sums where others join channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.blocks import conv_bn_relu


class Neck(nn.Module):
    """Brings feature maps to the same channels, and passes on what each knows: down to the fine ones, and up again.

    Takes maps of `channels`, each half the size of the one before it, rounded up; gives as many, of `width` channels.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        below = range(len(channels) - 1)
        self.lateral = nn.ModuleList(conv_bn_relu(count, width, 1) for count in channels)
        self.down = nn.ModuleList(conv_bn_relu(width, width) for _ in below)
        self.shrink = nn.ModuleList(conv_bn_relu(width, width, stride=2) for _ in below)
        self.up = nn.ModuleList(conv_bn_relu(width, width) for _ in below)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        maps = [lateral(values) for lateral, values in zip(self.lateral, features, strict=True)]
        for level in range(len(maps) - 2, -1, -1):
            fine, coarse = maps[level], maps[level + 1]
            # Doubled and cut, and not resized: the runtime has a fast way for the one alone.
            doubled = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
            maps[level] = self.down[level](fine + doubled[:, :, : fine.shape[2], : fine.shape[3]])
        for level in range(len(maps) - 1):
            maps[level + 1] = self.up[level](maps[level + 1] + self.shrink[level](maps[level]))
        return maps
