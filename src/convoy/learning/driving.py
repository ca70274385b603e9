"""Driving by imitation: from the front camera's cylindrical view to a command for each instruction of the route.

PilotNet with one head per instruction (conditional imitation, Codevilla et al. 2018), trained on drives of the expert,
and then, round by round, on drives of its own that the expert labels (DAgger, Ross et al. 2011).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from convoy.inference import Session
from convoy.learning.augment import Augmentation, photometric
from convoy.learning.demonstrations import Demonstrations, Policy
from convoy.learning.fit import MONITOR, Epoch, Schedule, fit
from convoy.learning.nets.pilotnet import pilotnet
from convoy.learning.options import DrivingOptions

INSTRUCTIONS = ("follow", "left", "right", "straight")
"""As `convoy_sim.route` gives them; the order of the net's heads, and of the card's classes."""

ANGLE_SCALE, SPEED_SCALE = 0.15, 8.0
"""Typical size of a steering angle in rad and of a speed in m/s; they bring the net's outputs near 1."""
ANGLE_WEIGHT = 2.0


class DrivingNet(nn.Module):
    """PilotNet with a head for each instruction.

    Takes uint8 RGB views of shape (N, 66, 200, 3); gives (N, 4, 2): for each of `INSTRUCTIONS` the steering angle in
    rad, left positive, and the speed in m/s, which is never negative.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        net = pilotnet(dropout=dropout, dense=(256, 64), outputs=2 * len(INSTRUCTIONS))
        self.net = net.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        return self.command(images.permute(0, 3, 1, 2).float() / 255)

    def command(self, views: Tensor) -> Tensor:
        """Give the commands for views, float in 0..1, shape (N, 3, 66, 200)."""
        heads = self.net(views * 2 - 1).view(-1, len(INSTRUCTIONS), 2)
        return torch.stack([heads[..., 0] * ANGLE_SCALE, functional.relu(heads[..., 1] + 0.5) * SPEED_SCALE], dim=-1)


class DrivingTask(lightning.LightningModule):
    """Trains a driving net on batches of views, instructions, and the expert's angles (rad) and speeds (m/s)."""

    def __init__(self, options: DrivingOptions) -> None:
        super().__init__()
        torch.manual_seed(options.seed)
        self.model = DrivingNet(options.dropout)
        self._options = options
        self._augmentation = Augmentation()

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], _: int) -> Tensor:
        images, instructions, angles, speeds = batch
        views = photometric(images.permute(0, 3, 1, 2).float() / 255, self._augmentation)
        return _loss(self.model.command(views), instructions, angles, speeds)

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], _: int) -> None:
        images, instructions, angles, speeds = batch
        self.log(MONITOR, _loss(self.model(images), instructions, angles, speeds), batch_size=len(images))

    def configure_optimizers(self) -> Any:
        options = self._options
        optimiser = torch.optim.AdamW(self.parameters(), options.learning_rate, weight_decay=options.weight_decay)
        steps = int(self.trainer.estimated_stepping_batches)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, total_steps=steps, pct_start=0.1)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}


def _loss(commands: Tensor, instructions: Tensor, angles: Tensor, speeds: Tensor) -> Tensor:
    given = commands[torch.arange(len(commands)), instructions]
    angle = functional.smooth_l1_loss(given[:, 0] / ANGLE_SCALE, angles / ANGLE_SCALE, beta=0.2)
    speed = functional.smooth_l1_loss(given[:, 1] / SPEED_SCALE, speeds / SPEED_SCALE, beta=0.2)
    return ANGLE_WEIGHT * angle + speed


def train_driving(
    training: Demonstrations,
    validation: Demonstrations,
    options: DrivingOptions,
    folder: Path,
    start: DrivingNet | None = None,
    resume: bool = False,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> DrivingNet:
    """Train a driving net, from the weights of `start` if given; `folder` takes the checkpoints.

    Raises:
        LearningError: see `fit`.
        InterruptedTrainingError: Ctrl-C; `resume` goes on.
    """
    task = DrivingTask(options)
    if start is not None:
        task.model.load_state_dict(start.state_dict())
    schedule = Schedule(options.epochs, options.patience, options.batch_size, options.seed, average=0.998)
    origin = asdict(options) | {"images": len(training)}
    fit(task, _tensors(training), _tensors(validation), schedule, folder, origin, resume, on_epoch)
    return task.model


def load_policy(path: Path) -> Policy:
    """Make a policy of a model file, for `convoy_sim` worlds; the component `drive_policy` does the same live."""
    session = Session.load(path, task="drive", device="cpu", threads=1)

    def policy(view: np.ndarray, instruction: str) -> tuple[float, float]:
        angle, speed = session.run(view)["commands"][INSTRUCTIONS.index(instruction)]
        return float(angle), float(speed)

    return policy


def _tensors(data: Demonstrations) -> TensorDataset:
    return TensorDataset(*(torch.from_numpy(a) for a in (data.images, data.instructions, data.angles, data.speeds)))
