"""Gestures: from labelled series to a network that tells them apart, whoever makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from convoy.learning.errors import LearningError
from convoy.learning.fit import Epoch, Schedule, fit, one_cycle
from convoy.learning.gesture_options import GestureOptions
from convoy.learning.nets.dd_net import dd_net
from convoy.learning.nets.mc_dcnn import mc_dcnn
from convoy.learning.nets.minirocket import minirocket
from convoy.learning.nets.multi_branch import multi_branch
from convoy.learning.nets.recurrent import recurrent
from convoy.learning.series import SeriesSet, folds
from convoy.learning.series_augment import SeriesAugmentation, augment
from convoy.learning.series_net import Ensemble, FrontEnd, SeriesNet

_FOLDS_FOR_ONE = 6
"""A single network is tried on so small a part of the data."""


class GestureTask(lightning.LightningModule):
    """Trains a series network on batches of float series, shape (N, T, C), and class numbers, shape (N,)."""

    def __init__(self, model: SeriesNet, options: GestureOptions) -> None:
        super().__init__()
        self.model = model
        self._options = options

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        series, labels = batch
        if self._options.augment:
            series = augment(series, SeriesAugmentation())
        return functional.cross_entropy(self.model(series), labels, label_smoothing=self._options.label_smoothing)

    def configure_optimizers(self) -> Any:
        options = self._options
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(self.parameters(), options.learning_rate, options.weight_decay, steps, warm_up=0.15)


@dataclass(frozen=True)
class TrainedGestures:
    """Trained networks that vote, and how well each of them did on those that it was not trained on.

    `predicted` holds the class that was found for each series by a member that had not been trained on it, or -1;
    where there are several members that is cross-validation.
    """

    net: Ensemble
    predicted: np.ndarray


@dataclass(frozen=True)
class Progress:
    """Which of how many members is being trained, and how far."""

    member: int
    of: int
    epoch: Epoch


def train_gestures(
    data: SeriesSet,
    options: GestureOptions,
    folder: Path,
    resume: bool = False,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
) -> TrainedGestures:
    """Train networks, each on all groups but a fold of its own; `folder` takes the checkpoints.

    Raises:
        LearningError: there is one class only, or too few groups; or see `fit`.
    """
    if len(np.unique(data.labels)) < 2:
        raise LearningError(f"{data.spec} has {len(np.unique(data.labels))} class; wanted two or more to tell apart.")
    options = options.settled(len(data.labels))
    members = options.members
    count = members if members > 1 else min(_FOLDS_FOR_ONE, len(np.unique(data.groups)))
    fold = folds(data.labels, data.groups, count, options.seed)
    nets, predicted = [], np.full(len(data.labels), -1)
    for member in range(members):
        held_out = fold == member
        if options.net == "minirocket":
            net = _fit_minirocket(data.subset(~held_out), options.seed + member)
        else:
            net = _fit_net(data, held_out, member, members, options, folder, resume, on_epoch)
        predicted[held_out] = predict(net, data.values[held_out])
        nets.append(net)
    return TrainedGestures(Ensemble(nets).eval(), predicted)


def predict(net: nn.Module, values: np.ndarray) -> np.ndarray:
    """Return the likeliest class of each series, shape (N,)."""
    with torch.no_grad():
        return torch.cat([net.eval()(part).argmax(1) for part in torch.from_numpy(values).split(256)]).numpy()


def build(name: str, channels: int, steps: int, classes: int) -> nn.Module:
    """Build a network by its name; it takes what a `FrontEnd` makes of series with so many channels.

    Raises:
        LearningError: there is no such network, or it can't read series of this shape.
    """
    doubled = 2 * channels
    try:
        if name == "mc-dcnn":
            return mc_dcnn(doubled, steps, classes)
        if name in ("multi-branch", "multi-branch-shared"):
            return multi_branch(doubled, steps, classes, shared=name.endswith("shared"))
        if name == "dd-net":
            return dd_net(channels, classes, extra=channels)
        if name in ("lstm", "gru"):
            return recurrent("lstm" if name == "lstm" else "gru", doubled, classes)
    except ValueError as error:
        raise LearningError(f"{error}.") from None
    raise LearningError(f"There is no network {name!r}.")


def _fit_net(
    data: SeriesSet,
    held_out: np.ndarray,
    member: int,
    members: int,
    options: GestureOptions,
    folder: Path,
    resume: bool,
    on_epoch: Callable[[Progress], None],
) -> SeriesNet:
    torch.manual_seed(options.seed * 1000 + member)
    steps, channels = data.values.shape[1:]
    front = FrontEnd(torch.from_numpy(data.values[~held_out]), data.anatomy)
    task = GestureTask(SeriesNet(front, build(options.net, channels, steps, len(data.classes))), options)
    shown = TensorDataset(torch.from_numpy(data.values[~held_out]), torch.from_numpy(data.labels[~held_out]))
    own = folder / f"member-{member + 1}"
    fit(
        task,
        shown,
        None,
        Schedule(options.epochs, options.epochs, options.batch_size, options.seed * 1000 + member),
        own,
        asdict(options) | {"data": data.spec},
        resume and own.exists(),
        lambda epoch: on_epoch(Progress(member + 1, members, epoch)),
    )
    return task.model


def _fit_minirocket(data: SeriesSet, seed: int) -> SeriesNet:
    series = torch.from_numpy(data.values)
    front = FrontEnd(series, data.anatomy).eval()
    return SeriesNet(front, minirocket(front(series), torch.from_numpy(data.labels), len(data.classes), seed=seed))
