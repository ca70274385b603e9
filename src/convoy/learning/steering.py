"""Steering by imitation: from the camera's image to the angle that the human chose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Subset, TensorDataset

from convoy.inference import CylindricalView, ModelCard
from convoy.learning.augment import NO_AUGMENTATION, Augmentation, photometric, recovering, warp
from convoy.learning.driving_nets import ANGLE_SCALE
from convoy.learning.driving_weights import load_convolutions, load_steering
from convoy.learning.errors import LearningError
from convoy.learning.fit import MONITOR, Epoch, Schedule, fit, one_cycle
from convoy.learning.nets.pilotnet import HEIGHT, WIDTH, pilotnet
from convoy.learning.options import SteeringOptions
from convoy.learning.recordings import Drive

_FEWEST_PARTS = 5
"""A member holds back at most one frame of so many."""
_AVERAGE = 0.97
"""Decay per step of the average of a member's weights; a drive of minutes makes few steps."""
_SHORT_BLOCKS = 12
"""Held back of a member that begins as a model that drives: a minute may have two bends, which are to be among them."""
_FEWEST_FRAMES = 10
_SAMPLES = 50
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


class SteeringEnsemble(nn.Module):
    """Several steering nets in one: the mean of their angles, which errs less than each of them."""

    def __init__(self, members: Sequence[SteeringNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([member(images) for member in self.members]).mean(dim=0)


class SteeringTask(lightning.LightningModule):
    """Trains a steering net on batches of uint8 images, shape (N, H, W, 3), and angles in rad, shape (N,).

    With `start` the net begins as that driving model, of whose `view` the images are then; without a view it has the
    convolutions only. Neither has batch norm.
    """

    def __init__(
        self,
        options: SteeringOptions,
        scale: float,
        seed: int,
        start: Path | None = None,
        view: CylindricalView | None = None,
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        top, augmentation = round(options.crop_top * options.height), Augmentation()
        if start is not None and view is not None:
            net, scale, top = load_steering(start, options.dropout), ANGLE_SCALE, 0
            augmentation = recovering(view, options.camera_height, options.camera_pitch, options.wheelbase)
        else:
            net = pilotnet(batch_norm=options.batch_norm and start is None, dropout=options.dropout)
            if start is not None:
                load_convolutions(start, net)
        self.model = SteeringNet(net.to(memory_format=torch.channels_last), top, scale)
        self._options = options
        self._augmentation = augmentation if options.augment else NO_AUGMENTATION

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, angles = batch
        pixels = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last).div_(255)
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
        # Both stages go down the same slope, also where the second one leaves it early.
        per_epoch = int(self.trainer.estimated_stepping_batches) // (self.trainer.max_epochs or 1)
        steps = per_epoch * options.epochs
        return one_cycle(self.parameters(), options.learning_rate, options.weight_decay, steps, warm_up=0.15)


@dataclass(frozen=True)
class TrainedSteering:
    """A trained net, the mean of its training targets in rad, and some of the images that it was trained on."""

    net: SteeringEnsemble
    constant: float
    samples: np.ndarray


def validation_frames(count: int, member: int, members: int, blocks: int = 2) -> np.ndarray:
    """Choose which of `count` successive frames stop a member's training early: some blocks, far from each other.

    Returns a mask of shape (count,). Neighbouring frames look alike, so they are taken in blocks; each member has
    others, and what stops one teaches the rest.
    """
    mask = np.zeros(count, bool)
    parts = max(members, _FEWEST_PARTS)
    for block in np.array_split(np.arange(count), blocks * parts)[member::parts]:
        mask[block] = True
    return mask


def train_steering(
    drives: Sequence[Drive],
    options: SteeringOptions,
    folder: Path,
    resume: bool = False,
    on_epoch: Callable[[int, Epoch], None] = lambda member, epoch: None,
    start: Path | None = None,
) -> TrainedSteering:
    """Train PilotNets on the first 80 % of each drive; their mean steers.

    Each of `options.members` nets starts from a seed of its own, and stops early by blocks of frames of its own.
    `folder` takes the checkpoints, and `on_epoch` hears of each epoch of each member, counted from 0. `start` is a
    driving model that all nets begin as: see `view_of`.

    Raises:
        LearningError: the data is too short, too much for the memory or always the same angle, or see `fit` and
            `load_convolutions`.
    """
    view = view_of(drives, start)
    data = _load(drives, options, view)
    angles = data.tensors[1].double()
    scale = float(angles.std())
    if not scale:
        raise LearningError(f"The steering angle is {angles[0]:.3f} rad in all {len(angles)} frames: nothing to learn.")
    origin = asdict(options) | {"data": [drive.spec for drive in drives]} | ({"start": str(start)} if start else {})
    if resume and not folder.exists():
        raise LearningError(f"There is no run to resume in {folder}; run the command without --resume.")
    nets = []
    for member in range(options.members):
        blocks = _SHORT_BLOCKS if view else 2
        masks = [validation_frames(len(drive.frames("train")), member, options.members, blocks) for drive in drives]
        mask = np.concatenate(masks)
        shown, checked = (Subset(data, np.flatnonzero(part).tolist()) for part in (~mask, mask))
        task, own = SteeringTask(options, scale, options.seed + member, start, view), folder / f"member_{member}"
        schedule = Schedule(
            options.epochs,
            options.patience,
            options.batch_size,
            options.seed + member,
            average=_AVERAGE,
            # By the pulses of a person's steering a net that only goes straight is better than one that takes bends.
            to_the_end=view is not None,
        )
        fit(task, shown, checked, schedule, own, origin, resume and own.exists(), partial(on_epoch, member))
        nets.append(task.model)
    samples = data.tensors[0][:: math.ceil(len(data) / _SAMPLES)].numpy()
    return TrainedSteering(SteeringEnsemble(nets), float(angles.mean()), samples)


def view_of(drives: Sequence[Drive], start: Path | None) -> CylindricalView | None:
    """Return the view that nets which begin as `start` take: its own, where all recordings say how the camera sees.

    Else there is None, and they take the camera's image, and have of `start` the convolutions.

    Raises:
        ModelError: there is no such model.
    """
    if start is None or any(drive.camera_info is None for drive in drives):
        return None
    return ModelCard.read(start).camera.view


def _load(drives: Sequence[Drive], options: SteeringOptions, view: CylindricalView | None) -> TensorDataset:
    parts = [drive.frames("train") for drive in drives]
    for drive in drives:
        if len(drive.angles) < _FEWEST_FRAMES:
            raise LearningError(
                f"{drive.spec} has {len(drive.angles)} frames with an angle; wanted {_FEWEST_FRAMES} or more."
            )
    height, width = (view.height, view.width) if view else (options.height, options.width)
    shape = (sum(map(len, parts)), height, width, 3)
    size = math.prod(shape)
    if size > _MOST_BYTES:
        raise LearningError(
            f"The images take {size / 2**30:.1f} GiB of memory, wanted at most {_MOST_BYTES >> 30}; "
            "choose a smaller --size or fewer recordings."
        )
    images = np.empty(shape, np.uint8)
    start = 0
    for drive, part in zip(drives, parts, strict=True):
        drive.load(part, images[start : start + len(part)], view)
        start += len(part)
    angles = np.concatenate([drive.angles[: len(part)] for drive, part in zip(drives, parts, strict=True)])
    return TensorDataset(torch.from_numpy(images), torch.from_numpy(angles))
