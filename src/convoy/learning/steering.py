"""Steering by imitation: from the camera's image to the angle that the human chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from convoy.learning.augment import NO_AUGMENTATION, Augmentation, photometric, warp
from convoy.learning.errors import LearningError
from convoy.learning.fit import MONITOR, Epoch, Schedule, fit
from convoy.learning.nets.pilotnet import HEIGHT, WIDTH, pilotnet
from convoy.learning.options import SteeringOptions
from convoy.learning.recordings import Drive

_STRETCHES = 4
_VALIDATION = 6
_MOST_BYTES = 8 << 30
"""Memory that the decoded images may take."""


class SteeringNet(nn.Module):
    """PilotNet behind the camera: cuts the view out of the image, and gives the angle in rad, left positive.

    Takes uint8 RGB images of shape (N, H, W, 3); gives (N,). `top` is the number of rows above the view, and
    `scale` the spread of the angles in rad, which brings the net's own output near 1.
    """

    def __init__(self, net: nn.Module, top: int, scale: float) -> None:
        super().__init__()
        self.net = net
        self.top = top
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 3, 1, 2)[:, :, self.top :].float() / 255
        view = functional.interpolate(pixels, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)
        return self.steer(view)

    def steer(self, views: Tensor) -> Tensor:
        """Give the angles of views, float in 0..1, shape (N, 3, 66, 200)."""
        return self.net(views * 2 - 1)[:, 0] * self.scale


class SteeringTask(lightning.LightningModule):
    """Trains a steering net on batches of uint8 images, shape (N, H, W, 3), and angles in rad, shape (N,)."""

    def __init__(self, options: SteeringOptions, scale: float) -> None:
        super().__init__()
        torch.manual_seed(options.seed)
        net = pilotnet(batch_norm=options.batch_norm, dropout=options.dropout)
        self.model = SteeringNet(
            net.to(memory_format=torch.channels_last), round(options.crop_top * options.height), scale
        )
        self._options = options
        self._augmentation = Augmentation() if options.augment else NO_AUGMENTATION

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, angles = batch
        pixels = images.permute(0, 3, 1, 2).float() / 255
        if self._options.mirror:
            flipped = torch.rand(len(angles), device=angles.device) < 0.5
            pixels = torch.where(flipped.view(-1, 1, 1, 1), pixels.flip(3), pixels)
            angles = torch.where(flipped, -angles, angles)
        views, correction = warp(pixels, self.model.top, (HEIGHT, WIDTH), self._augmentation)
        if self._options.augment:
            views = photometric(views, self._augmentation)
        return functional.mse_loss(self.model.steer(views), angles + correction) / self.model.scale**2

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, angles = batch
        self.log(MONITOR, functional.mse_loss(self.model(images), angles), batch_size=len(angles))

    def configure_optimizers(self) -> Any:
        options = self._options
        optimiser = torch.optim.AdamW(self.parameters(), options.learning_rate, weight_decay=options.weight_decay)
        steps = int(self.trainer.estimated_stepping_batches)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, total_steps=steps, pct_start=0.15)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rate, "interval": "step"}}


@dataclass(frozen=True)
class TrainedSteering:
    """A trained net, with the mean of its training targets in rad, its last epoch, and the validation images."""

    net: SteeringNet
    constant: float
    epoch: Epoch
    samples: np.ndarray


def validation_frames(count: int) -> np.ndarray:
    """Choose which of `count` successive frames stop the training early: the last sixth of each quarter.

    Returns a mask of shape (count,). Neighbouring frames look alike, so they are taken in few long blocks.
    """
    mask = np.zeros(count, bool)
    for stretch in np.array_split(np.arange(count), _STRETCHES):
        mask[stretch[len(stretch) - max(1, len(stretch) // _VALIDATION) :]] = True
    return mask


def train_steering(
    drives: Sequence[Drive],
    options: SteeringOptions,
    folder: Path,
    resume: bool = False,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> TrainedSteering:
    """Train PilotNet on the first 80 % of each drive; `folder` takes the checkpoints, `on_epoch` sees the progress.

    Raises:
        LearningError: the data is too short, too much for the memory or always the same angle, or see `fit`.
    """
    _check(drives, options)
    shown, checked = _load(drives, options, validation=False), _load(drives, options, validation=True)
    angles = torch.cat((shown[1], checked[1])).double()
    scale = float(angles.std())
    if not scale:
        raise LearningError(f"The steering angle is {angles[0]:.3f} rad in all {len(angles)} frames: nothing to learn.")
    task = SteeringTask(options, scale)
    epoch = fit(
        task,
        TensorDataset(*shown),
        TensorDataset(*checked),
        Schedule(options.epochs, options.patience, options.batch_size, options.seed),
        folder,
        asdict(options) | {"data": [drive.spec for drive in drives]},
        resume,
        on_epoch,
    )
    return TrainedSteering(task.model, float(angles.mean()), epoch, checked[0].numpy())


def _check(drives: Sequence[Drive], options: SteeringOptions) -> None:
    for drive in drives:
        if len(drive.angles) < 10:
            raise LearningError(f"{drive.spec} has {len(drive.angles)} frames with an angle; wanted 10 or more.")
    size = sum(len(drive.frames("train")) for drive in drives) * options.width * options.height * 3
    if size > _MOST_BYTES:
        raise LearningError(
            f"The images take {size / 2**30:.1f} GiB of memory, wanted at most {_MOST_BYTES >> 30}; "
            "choose a smaller --size or fewer recordings."
        )


def _load(drives: Sequence[Drive], options: SteeringOptions, validation: bool) -> tuple[Tensor, Tensor]:
    chosen = [np.flatnonzero(validation_frames(len(drive.frames("train"))) == validation) for drive in drives]
    images = np.empty((sum(map(len, chosen)), options.height, options.width, 3), np.uint8)
    start = 0
    for drive, frames in zip(drives, chosen, strict=True):
        drive.load(frames.tolist(), images[start : start + len(frames)])
        start += len(frames)
    angles = np.concatenate([drive.angles[frames] for drive, frames in zip(drives, chosen, strict=True)])
    return torch.from_numpy(images), torch.from_numpy(angles)
