"""The nets that drive: each gives, for every instruction of the route, a steering angle and a speed.

Conditional imitation with a head for each instruction (Codevilla et al. 2018, "End-to-end Driving via Conditional
Imitation Learning").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.demonstrations import Demonstrations
from convoy.learning.nets.dronet import dronet
from convoy.learning.nets.pilotnet import pilotnet
from convoy.learning.options import DrivingNetName, DrivingOptions

INSTRUCTIONS = ("follow", "left", "right", "straight")
"""As `convoy_sim.route` gives them; the order of the nets' heads, and of the card's classes."""

ANGLE_SCALE, SPEED_SCALE = 0.15, 8.0
"""Typical size of a steering angle in rad and of a speed in m/s; they bring the net's outputs near 1."""
ANGLE_WEIGHT = 2.0
NEAR_M, NEAR_WEIGHT = 25.0, 4.0
"""Where something ahead, or where to stop, is nearer than this, the speed counts more: it is so in few of the views,
and what tells it, such as a red light, is small."""

COLLISION_M = 15.0
"""Something ahead, or where to stop, is nearer than this: what DroNet's probability is of. A car that goes at the limit
of a town can just stop in it."""


@dataclass(frozen=True)
class Batch:
    """What the expert would do with some views; see `Demonstrations` for the parts."""

    instructions: Tensor
    angles: Tensor
    speeds: Tensor
    clear: Tensor


class DrivingNet(nn.Module):
    """PilotNet with a head for each instruction.

    Takes uint8 RGB views of shape (N, 66, 200, 3); gives (N, 4, 2): for each of `INSTRUCTIONS` the steering angle in
    rad, left positive, and the speed in m/s, which is never negative.
    """

    def __init__(self, dropout: float, batch_norm: bool = True) -> None:
        super().__init__()
        net = pilotnet(batch_norm=batch_norm, dropout=dropout, dense=(256, 64), outputs=2 * len(INSTRUCTIONS))
        self.net = net.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        return self.command(images.permute(0, 3, 1, 2).float() / 255)

    def command(self, views: Tensor) -> Tensor:
        """Give the commands for views, float in 0..1, shape (N, 3, 66, 200)."""
        heads = self.net(views * 2 - 1).view(-1, len(INSTRUCTIONS), 2)
        return torch.stack([heads[..., 0] * ANGLE_SCALE, functional.relu(heads[..., 1] + 0.5) * SPEED_SCALE], dim=-1)

    def loss(self, views: Tensor, batch: Batch, progress: float = 1.0) -> Tensor:
        """How far the commands are from the expert's, for views as `command` takes them."""
        given = self.command(views)[torch.arange(len(views)), batch.instructions]
        speed = functional.smooth_l1_loss(
            given[:, 1] / SPEED_SCALE, batch.speeds / SPEED_SCALE, reduction="none", beta=0.2
        )
        weight = torch.where(batch.clear < NEAR_M, NEAR_WEIGHT, 1.0)
        return ANGLE_WEIGHT * _angle_loss(given[:, 0], batch.angles) + (weight * speed).sum() / weight.sum()


class CollisionNet(nn.Module):
    """DroNet with a steering head for each instruction, and one for the probability of a collision.

    Takes uint8 RGB views of shape (N, 66, 200, 3); gives commands (N, 4, 2) as `DrivingNet` does, and the probability,
    (N,). The speed is the cruise speed of the instruction, less by as much as a collision is probable.

    Attributes:
        cruise: (4,) speeds in m/s, as the expert has when its way is clear.
    """

    cruise: Tensor

    def __init__(self, dropout: float, cruise: Tensor) -> None:
        super().__init__()
        net = dronet(dropout=dropout, outputs=len(INSTRUCTIONS) + 1)
        self.net = net.to(memory_format=torch.channels_last)
        self.register_buffer("cruise", cruise)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        angles, logits = self._heads(images.permute(0, 3, 1, 2).float() / 255)
        probability = torch.sigmoid(logits)
        speeds = (1 - probability)[:, None] * self.cruise
        return torch.stack([angles, speeds], dim=-1), probability

    def _heads(self, views: Tensor) -> tuple[Tensor, Tensor]:
        heads = self.net(views * 2 - 1)
        return heads[:, :-1] * ANGLE_SCALE, heads[:, -1]

    def loss(self, views: Tensor, batch: Batch, progress: float = 1.0) -> Tensor:
        """Errors of the angle and of the probability; the latter counts more and more as the training goes on.

        `views` are float in 0..1, shape (N, 3, 66, 200); `progress` is the share of the training that is done.
        """
        angles, logits = self._heads(views)
        angle = _angle_loss(angles[torch.arange(len(views)), batch.instructions], batch.angles)
        collision = functional.binary_cross_entropy_with_logits(logits, (batch.clear < COLLISION_M).float())
        weight = 1 - np.exp(-10 * max(progress - 0.1, 0.0))  # the paper's course over 100 epochs
        return ANGLE_WEIGHT * angle + weight * collision


AnyDrivingNet = DrivingNet | CollisionNet


def driving_net(options: DrivingOptions, training: Demonstrations) -> AnyDrivingNet:
    """Build the net that the options name; `training` says how fast the expert drives."""
    if options.net is DrivingNetName.pilotnet:
        return DrivingNet(options.dropout)
    return CollisionNet(options.dropout, torch.from_numpy(cruise_speeds(training)))


def cruise_speeds(data: Demonstrations) -> np.ndarray:
    """The expert's median speed under each instruction where its way is clear, m/s, shape (4,) float32."""
    free = data.clear >= COLLISION_M
    under = [data.speeds[free & (data.instructions == number)] for number in range(len(INSTRUCTIONS))]
    anywhere = np.median(data.speeds)
    return np.array([np.median(speeds) if speeds.size else anywhere for speeds in under], np.float32)


def _angle_loss(given: Tensor, wanted: Tensor) -> Tensor:
    return functional.smooth_l1_loss(given / ANGLE_SCALE, wanted / ANGLE_SCALE, beta=0.2)
