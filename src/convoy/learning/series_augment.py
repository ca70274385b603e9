"""Varies series of joints as people, cameras and trackers do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SeriesAugmentation:
    """How much is varied: standard deviations, unless said otherwise.

    Lengths are shares of the data's own spread.

    Attributes:
        scale: of the whole, as a factor.
        stretch: of each axis, as a factor.
        turn: about the vertical axis (the second of three), rad; a third of it about the others.
        shift: of the whole.
        warp: of the speed within the series, as a share.
        crop: of the ends, as shares of the length, at most.
        noise: of each joint at each instant.
        missing: probability that a joint is not seen for a part of the time, and its way guessed.
    """

    scale: float = 0.1
    stretch: float = 0.05
    turn: float = 0.15
    shift: float = 0.1
    warp: float = 0.2
    crop: float = 0.08
    noise: float = 0.03
    missing: float = 0.3


def augment(series: Tensor, how: SeriesAugmentation) -> Tensor:
    """Vary series of shape (N, T, C), each by itself.

    Channels that come in threes are taken for the x, y, z of joints; others are scaled, shifted and warped alone.
    """
    count, steps, channels = series.shape
    spread = series.std((0, 1)).mean()
    axes = 3 if channels % 3 == 0 else 1
    joints = series.reshape(count, steps, channels // axes, axes)
    if axes == 3:
        joints = joints @ _turns(count, how.turn).unsqueeze(1)
    factor = 1 + how.scale * torch.randn(count, 1, 1, 1) + how.stretch * torch.randn(count, 1, 1, axes)
    joints = joints * factor + how.shift * spread * torch.randn(count, 1, 1, axes)
    joints = _hide(_warp(joints, how), how.missing)
    return joints.reshape(series.shape) + how.noise * spread * torch.randn_like(series)


def _turns(count: int, size: float) -> Tensor:
    vertical, across, along = (size * torch.randn(3, count)) * torch.tensor([[1.0], [1 / 3], [1 / 3]])
    axes = torch.zeros(count, 3, 3)
    for (one, two), angle in (((2, 0), vertical), ((1, 2), across), ((0, 1), along)):
        axes[:, one, two], axes[:, two, one] = angle, -angle
    return torch.linalg.matrix_exp(axes)


def _warp(joints: Tensor, how: SeriesAugmentation) -> Tensor:
    """Read the series at uneven instants, from a little after its start to a little before its end."""
    count, steps = joints.shape[:2]
    even = torch.linspace(0, 1, steps).expand(count, steps)
    first, second = how.warp * torch.randn(2, count, 1) * torch.tensor([[[1.0]], [[0.5]]])
    bent = even + (first * torch.sin(math.pi * even) + second / 2 * torch.sin(2 * math.pi * even)) / math.pi
    start, end = how.crop * torch.rand(2, count, 1)
    return _read(joints, (start + bent.clamp(0, 1) * (1 - start - end)) * (steps - 1))


def _hide(joints: Tensor, probability: float) -> Tensor:
    """Replace the way of one joint, between two instants, by a straight line."""
    count, steps, number = joints.shape[:3]
    ends = (torch.rand(count, 2) * steps).long().clamp(max=steps - 1).sort(1).values
    hidden = torch.nn.functional.one_hot((torch.rand(count) * number).long().clamp(max=number - 1), number).bool()
    hidden &= torch.rand(count, 1) < probability
    rows = torch.arange(count)
    first, last = (joints[rows, ends[:, end]].unsqueeze(1) for end in (0, 1))
    instants = torch.arange(steps)[None]
    share = (instants - ends[:, :1]) / (ends[:, 1:] - ends[:, :1]).clamp(min=1)
    within = (share >= 0) & (share <= 1)
    line = first + share[:, :, None, None] * (last - first)
    return torch.where(within[:, :, None, None] & hidden[:, None, :, None], line, joints)


def _read(joints: Tensor, instants: Tensor) -> Tensor:
    """Interpolate series of shape (N, T, J, A) at fractional instants of shape (N, T)."""
    before = instants.floor().long().clamp(0, joints.shape[1] - 2)
    share = (instants - before)[:, :, None, None]
    index = before[:, :, None, None].expand(-1, -1, *joints.shape[2:])
    return joints.gather(1, index) * (1 - share) + joints.gather(1, index + 1) * share
