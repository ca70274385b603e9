"""Which predictions learn which truth: task-aligned assignment (Feng et al. 2021, TOOD)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou

CANDIDATES = 10
"""Most predictions that learn one truth."""
SCORE_POWER, OVERLAP_POWER = 1.0, 6.0
"""How much the score, and how much the overlap count in the alignment."""
REACH = 1.0
"""Cells around the middle of a truth that may learn it also where they lie outside of it: no cell may lie in a
pedestrian 5 pixels wide."""


@dataclass(frozen=True)
class Assignment:
    """What each of A predictions of one image learns.

    Attributes:
        truth: (A,) number of the truth, -1 for none.
        quality: (A,) the score to aim at for the truth's class, 0..1; 0 where there is no truth.
        ignored: (A,) predictions that learn nothing, neither a truth nor that there is none.
    """

    truth: Tensor
    quality: Tensor
    ignored: Tensor


@torch.no_grad()
def assign(
    scores: Tensor, boxes: Tensor, points: Tensor, strides: Tensor, truths: Tensor, labels: Tensor, ignored: Tensor
) -> Assignment:
    """Give each truth the predictions that already agree with it best in class and place at once.

    Args:
        scores: (A, C) probabilities.
        boxes: (A, 4) predicted boxes.
        points: (A, 2) middles of the cells that predict.
        strides: (A,) sizes of these cells, in pixels.
        truths: (N, 4) true boxes, x0 y0 x1 y1 in pixels as all others.
        labels: (N,) classes.
        ignored: (N,) truths that nobody learns; what lies in them is no mistake either.
    """
    inside = _reach(points, strides, truths)
    spared = (inside & ignored).any(1)
    truth = torch.full((len(boxes),), -1, dtype=torch.int64, device=boxes.device)
    quality = boxes.new_zeros(len(boxes))
    (wanted,) = torch.nonzero(~ignored, as_tuple=True)
    if not len(wanted):
        return Assignment(truth, quality, spared)
    overlap = box_iou(boxes, truths[wanted]) * inside[:, wanted]
    alignment = scores[:, labels[wanted]] ** SCORE_POWER * overlap**OVERLAP_POWER
    best = alignment.topk(min(CANDIDATES, len(boxes)), dim=0).indices
    chosen = torch.zeros_like(alignment, dtype=torch.bool).scatter_(0, best, True) & (alignment > 0)
    # A prediction that several truths have chosen learns the one it covers best.
    covered, number = torch.where(chosen, overlap, -1.0).max(1)
    learns = covered >= 0
    truth[learns] = wanted[number[learns]]
    chosen = torch.zeros_like(chosen).scatter_(1, number[:, None], learns[:, None])
    alignment, overlap = alignment * chosen, overlap * chosen
    aim = alignment / alignment.amax(0).clamp(min=torch.finfo(alignment.dtype).tiny) * overlap.amax(0)
    quality = aim.amax(1)
    return Assignment(truth, quality, spared & ~learns)


def _reach(points: Tensor, strides: Tensor, truths: Tensor) -> Tensor:
    """(A, N) whether a cell's middle lies in a truth, or near its middle."""
    x, y = points[:, :1], points[:, 1:]
    within = (x > truths[:, 0]) & (x < truths[:, 2]) & (y > truths[:, 1]) & (y < truths[:, 3])
    middles = (truths[:, :2] + truths[:, 2:]) / 2
    near = (points[:, None] - middles).abs().amax(2) < REACH * strides[:, None]
    return within | near
