"""Blocks that a CPU runs fast: plain convolutions and sums, few joins and no splits of channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convoy.learning.nets.blocks import conv_bn_relu


class Residual(nn.Module):
    """1x1 to half the channels, 3x3 back, added to what came in (Darknet-53 of Redmon and Farhadi 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn_relu(channels, channels // 2, 1), conv_bn_relu(channels // 2, channels))

    def forward(self, values: Tensor) -> Tensor:
        return values + self.body(values)


class PoolPyramid(nn.Module):
    """Shows each place its surroundings, by the largest values within 5, 9 and 13 cells (He et al. 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = conv_bn_relu(channels, channels // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.join = conv_bn_relu(2 * channels, channels, 1)

    def forward(self, values: Tensor) -> Tensor:
        pooled = [self.reduce(values)]
        for _ in range(3):
            pooled.append(self.pool(pooled[-1]))
        return self.join(torch.cat(pooled, 1))
