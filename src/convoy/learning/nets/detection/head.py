"""The part that answers: what is there and where, from each cell of each feature map."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convoy.learning.nets.blocks import conv_bn_relu
from convoy.learning.nets.detection.predictions import Predictions, decode, grid

_FIRST_SCORE = 0.01
"""Of every cell before training: most of them see nothing."""


class DetectionHead(nn.Module):
    """Two branches per map, one for classes and one for boxes; there are no anchors.

    Takes maps of shapes (N, width, H / stride, W / stride), rounded up; gives `Predictions`.
    """

    def __init__(self, width: int, strides: Sequence[int], classes: int) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.classes = nn.ModuleList(_branch(width, classes, -math.log(1 / _FIRST_SCORE - 1)) for _ in strides)
        self.boxes = nn.ModuleList(_branch(width, 4, 0.0) for _ in strides)

    def forward(self, features: Sequence[Tensor]) -> Predictions:
        sizes = [(values.shape[2], values.shape[3]) for values in features]
        points, strides = grid(sizes, self.strides, features[0])
        # In full precision: an exponent overflows in half of it.
        logits, raw = (_answer(branches, features).float() for branches in (self.classes, self.boxes))
        return Predictions(logits, decode(raw, points, strides), points, strides)


def _branch(width: int, outputs: int, bias: float) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, 1)
    nn.init.normal_(last.weight, std=0.01)
    if last.bias is not None:
        nn.init.constant_(last.bias, bias)
    return nn.Sequential(conv_bn_relu(width, width), last)


def _answer(branches: nn.ModuleList, features: Sequence[Tensor]) -> Tensor:
    maps = [branch(values).flatten(2) for branch, values in zip(branches, features, strict=True)]
    return torch.cat(maps, 2).transpose(1, 2)
