"""What stands before every gesture network: it makes series alike, whoever made them, wherever, however large."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convoy.gestures.anatomy import Anatomy

_FLOOR = 3e-3
"""Variance, of 1 on average, that is added to each direction before whitening, so that noise is not blown up."""


class FrontEnd(nn.Module):
    """Centres and scales series, and adds the same once more with all directions of motion made equally large.

    The small differences between joints, such as a thumb's between up and down, are as plain in the whitened channels
    (Kessy et al. 2018) as a whole arm's motion is in the others.

    Where the channels are joints of some `anatomy`, the origin becomes the mean place of its centre (a hand's palm),
    and the unit the length of its bones (from the wrist to the base of the middle finger), so that neither distance
    nor size matters.

    Takes series of shape (N, T, C); gives (N, 2C, T): first what was centred, then what was whitened.
    """

    mean: Tensor
    scale: Tensor
    whiten: Tensor

    def __init__(self, values: Tensor, anatomy: Anatomy | None) -> None:
        super().__init__()
        self.anatomy = anatomy
        placed = self._place(values)
        flat = placed.reshape(-1, placed.shape[2])
        mean, scale = flat.mean(0), (flat - flat.mean(0)).square().mean().sqrt()
        normal = (flat - mean) / scale
        variances, directions = torch.linalg.eigh(normal.double().T @ normal.double() / len(normal))
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.register_buffer("whiten", (directions / (variances.clamp(0) + _FLOOR).sqrt()).float())

    def forward(self, series: Tensor) -> Tensor:
        normal = (self._place(series) - self.mean) / self.scale
        return torch.cat([normal, normal @ self.whiten], 2).transpose(1, 2)

    def _place(self, series: Tensor) -> Tensor:
        if self.anatomy is None:
            return series
        steps, channels = series.shape[1:]
        joints = series.reshape(-1, steps, channels // 3, 3)
        centre = joints[:, :, list(self.anatomy.centre)].mean((1, 2), keepdim=True)
        bones = [joints[:, :, end] - joints[:, :, start] for start, end in self.anatomy.bones]
        squares = torch.stack([(bone * bone).sum(2).mean(1) for bone in bones]).mean(0)
        size = torch.sqrt(squares + 1e-8).reshape(-1, 1, 1, 1)
        return ((joints - centre) / size).reshape(-1, steps, channels)


class SeriesNet(nn.Module):
    """A front end and a network: from series of shape (N, T, C) to the classes' logits, shape (N, classes)."""

    def __init__(self, front: FrontEnd, net: nn.Module) -> None:
        super().__init__()
        self.front = front
        self.net = net

    def forward(self, series: Tensor) -> Tensor:
        return self.net(self.front(series))


class Ensemble(nn.Module):
    """Several networks that vote: from series to the mean of their probabilities, shape (N, classes)."""

    def __init__(self, members: list[SeriesNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, series: Tensor) -> Tensor:
        return torch.stack([member(series).softmax(1) for member in self.members]).mean(0)
