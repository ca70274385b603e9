"""What a one-stage detector says of every cell, and how that becomes boxes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SIZE = 2.0
"""Width and height, in cells, of a box that the net says nothing about."""
_LARGEST = 5.0
"""Of the logarithm of a size; beyond any picture, and far from what overflows."""
MOST_BOXES = 300
"""Boxes that leave the graph: the best by score."""


@dataclass(frozen=True)
class Predictions:
    """Of N images, by A cells.

    Attributes:
        logits: (N, A, C) of each class; there is none for the background.
        boxes: (N, A, 4) x0 y0 x1 y1 in pixels of the views.
        points: (A, 2) middles of the cells, in pixels.
        strides: (A,) sizes of the cells, in pixels.
    """

    logits: Tensor
    boxes: Tensor
    points: Tensor
    strides: Tensor


def grid(sizes: list[tuple[int, int]], strides: tuple[int, ...], like: Tensor) -> tuple[Tensor, Tensor]:
    """Middles (A, 2) and sizes (A,), in pixels, of the cells of maps of `sizes` (rows, columns), row by row."""
    points, steps = [], []
    for (rows, columns), stride in zip(sizes, strides, strict=True):
        y, x = torch.meshgrid(
            (torch.arange(rows, device=like.device) + 0.5) * stride,
            (torch.arange(columns, device=like.device) + 0.5) * stride,
            indexing="ij",
        )
        points.append(torch.stack([x, y], -1).reshape(-1, 2))
        steps.append(torch.full((rows * columns,), float(stride), device=like.device))
    return torch.cat(points), torch.cat(steps)


def decode(raw: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """Turn `raw` (N, A, 4) into boxes (N, A, 4), x0 y0 x1 y1 in pixels.

    `raw` holds the way from the cell's middle to the box's, in cells, and the logarithms of the box's width and height
    in units of `SIZE` cells; so the middle of a box may lie outside of the cell that finds it (Ge et al. 2021, YOLOX).
    """
    middles = points + raw[..., :2] * strides[:, None]
    halves = raw[..., 2:].clamp(max=_LARGEST).exp() * (strides[:, None] * (SIZE / 2))
    return torch.cat([middles - halves, middles + halves], -1)


def best(boxes: Tensor, scores: Tensor, count: int = MOST_BOXES) -> tuple[Tensor, Tensor]:
    """Of boxes (N, A, 4) with scores (N, A, C) keep the `count` of the highest score of any class."""
    if boxes.shape[1] <= count:
        return boxes, scores
    order = scores.amax(2).topk(count, dim=1).indices[..., None]
    return boxes.gather(1, order.expand(-1, -1, 4)), scores.gather(1, order.expand(-1, -1, scores.shape[2]))
