"""Driving by imitation: from the front camera's cylindrical view to a command for each instruction of the route.

A driving net is trained on drives of the expert, and then, round by round, on drives of its own that the expert labels
(DAgger, Ross et al. 2011).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from convoy.learning.augment import Augmentation, photometric
from convoy.learning.demonstrations import Demonstrations
from convoy.learning.driving_nets import AnyDrivingNet, Batch, driving_net
from convoy.learning.fit import MONITOR, Epoch, Schedule, fit, one_cycle
from convoy.learning.options import DrivingOptions


class DrivingTask(lightning.LightningModule):
    """Trains a driving net on batches of views, uint8, and what the expert would do: the fields of `Batch`."""

    def __init__(self, net: AnyDrivingNet, options: DrivingOptions) -> None:
        super().__init__()
        self.model = net
        self._options = options
        self._augmentation = Augmentation()

    def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
        images, *wanted = batch
        views = photometric(images.permute(0, 3, 1, 2).float() / 255, self._augmentation)
        progress = self.trainer.global_step / self.trainer.estimated_stepping_batches
        return self.model.loss(views, Batch(*wanted), progress)

    def validation_step(self, batch: tuple[Tensor, ...], _: int) -> None:
        images, *wanted = batch
        views = images.permute(0, 3, 1, 2).float() / 255
        self.log(MONITOR, self.model.loss(views, Batch(*wanted)), batch_size=len(images))

    def configure_optimizers(self) -> Any:
        options = self._options
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(self.parameters(), options.learning_rate, options.weight_decay, steps, warm_up=0.1)


def train_driving(
    training: Demonstrations,
    validation: Demonstrations,
    options: DrivingOptions,
    folder: Path,
    start: AnyDrivingNet | None = None,
    resume: bool = False,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> AnyDrivingNet:
    """Train a driving net, `start` itself if given; `folder` takes the checkpoints.

    Raises:
        LearningError: see `fit`.
        InterruptedTrainingError: Ctrl-C; `resume` goes on.
    """
    torch.manual_seed(options.seed)
    task = DrivingTask(start or driving_net(options, training), options)
    schedule = Schedule(options.epochs, options.patience, options.batch_size, options.seed, average=0.998)
    origin = asdict(options) | {"images": len(training)}
    fit(task, _tensors(training), _tensors(validation), schedule, folder, origin, resume, on_epoch)
    return task.model


def _tensors(data: Demonstrations) -> TensorDataset:
    wanted = (data.instructions, data.angles, data.speeds, data.clear)
    return TensorDataset(*(torch.from_numpy(values) for values in (data.images, *wanted)))
