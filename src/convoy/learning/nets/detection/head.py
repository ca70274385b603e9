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
    """One branch per map, for classes and boxes together; there are no anchors.

    Takes maps of shapes (N, width, H / stride, W / stride), rounded up; gives `Predictions`. Branches of their own for
    classes and boxes (Ge et al. 2021, YOLOX) would take a twentieth more of the time of the whole net.
    """

    def __init__(self, width: int, strides: Sequence[int], classes: int) -> None:
        super().__init__()
        self.strides, self._classes = tuple(strides), classes
        self.branches = nn.ModuleList(_branch(width, classes) for _ in strides)

    def forward(self, features: Sequence[Tensor]) -> Predictions:
        sizes = [(values.shape[2], values.shape[3]) for values in features]
        points, strides = grid(sizes, self.strides, features[0])
        maps = [branch(values).flatten(2) for branch, values in zip(self.branches, features, strict=True)]
        # In full precision: an exponent overflows in half of it.
        found = torch.cat(maps, 2).transpose(1, 2).float()
        logits, raw = found[..., : self._classes], found[..., self._classes :]
        return Predictions(logits, decode(raw, points, strides), points, strides)


def _branch(width: int, classes: int) -> nn.Sequential:
    last = nn.Conv2d(width, classes + 4, 1)
    nn.init.normal_(last.weight, std=0.01)
    assert last.bias is not None
    nn.init.constant_(last.bias[:classes], -math.log(1 / _FIRST_SCORE - 1))
    nn.init.zeros_(last.bias[classes:])
    return nn.Sequential(conv_bn_relu(width, width), last)
