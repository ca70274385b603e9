"""The part that sees: features of the picture at strides 8, 16 and 32."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from convoy.learning.nets.blocks import conv_bn_relu
from convoy.learning.nets.detection.blocks import PoolPyramid, Residual

STRIDES = (8, 16, 32)
"""Pixels of the picture per cell of each feature map."""


class Backbone(nn.Module):
    """Five stages, each of half the size of the one before it; the last three are given.

    Takes float views of shape (N, 3, H, W) in 0..1; gives three maps of shapes (N, channels[i], H / stride,
    W / stride), rounded up.
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        stages: list[nn.Module] = [conv_bn_relu(3, widths[0], stride=2)]
        for before, width, depth in zip(widths[:-1], widths[1:], depths, strict=True):
            stages.append(
                nn.Sequential(conv_bn_relu(before, width, stride=2), *(Residual(width) for _ in range(depth)))
            )
        self.early = nn.Sequential(*stages[:2])
        self.late = nn.ModuleList([*stages[2:4], nn.Sequential(stages[4], PoolPyramid(widths[4]))])
        self.channels = tuple(widths[2:])

    def forward(self, views: Tensor) -> list[Tensor]:
        values = self.early(views * 2 - 1)
        features = []
        for stage in self.late:
            values = stage(values)
            features.append(values)
        return features
