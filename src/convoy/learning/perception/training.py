"""From data sets to the model file of a perception net: the same steps for every task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from convoy.inference import ModelCard, Session, stretch
from convoy.learning.datasets.sample_list import SampleList
from convoy.learning.errors import LearningError
from convoy.learning.export import write_model
from convoy.learning.fit import MONITOR, Epoch, Schedule, fit, one_cycle
from convoy.learning.perception.augment import Variation
from convoy.learning.perception.card import perception_card
from convoy.learning.perception.choice import choose
from convoy.learning.perception.data import Samples, ViewBatches, split
from convoy.learning.perception.deployed import Deployed
from convoy.learning.perception.options import PerceptionOptions
from convoy.learning.perception.start import Started, frozen_modules, start_from
from convoy.learning.perception.survey import survey
from convoy.learning.perception.task import NetSettings, PerceptionNet, Task

FRAMES_COMPARED = 50
"""On so many frames the written file must give what torch gives."""
_DROPOUTS = nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout
_AVERAGE = 0.998
_CLIP = 10.0


@dataclass(frozen=True)
class Material:
    """What a run is made of: the samples that teach, those that are held out, and what the net is built from."""

    taught: Samples
    held_out: Samples
    settings: NetSettings


class PerceptionTraining(lightning.LightningModule):
    """Trains a net on batches of `ViewBatches`; `still` modules keep their statistics, whatever the rest does."""

    def __init__(
        self, net: PerceptionNet, learning_rate: float, weight_decay: float, still: Sequence[nn.Module] = ()
    ) -> None:
        super().__init__()
        # As a CPU's and a GPU's fast convolutions want them, which compute in half the time.
        self.model = net.to(memory_format=torch.channels_last)
        self._learning_rate, self._weight_decay = learning_rate, weight_decay
        self._still = list(still)
        self.train()

    def train(self, mode: bool = True) -> PerceptionTraining:
        super().train(mode)
        for module in self._still:
            module.eval()
        return self

    def training_step(self, batch: tuple[Tensor, Any], _: int) -> Tensor:
        return self._loss(batch)

    def validation_step(self, batch: tuple[Tensor, Any], _: int) -> None:
        self.log(MONITOR, self._loss(batch), batch_size=len(batch[0]), sync_dist=True)

    def _loss(self, batch: tuple[Tensor, Any]) -> Tensor:
        views, targets = batch
        parts = self.model.loss(views.contiguous(memory_format=torch.channels_last), targets)
        return torch.stack([part.float() for part in parts.values()]).sum()

    def configure_optimizers(self) -> Any:
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if not learning:
            raise LearningError("All of the net is frozen: nothing is left to learn.")
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(learning, self._learning_rate, self._weight_decay, steps, warm_up=0.1)


def prepare(
    task: Task, options: PerceptionOptions, data: Sequence[SampleList], validation: Sequence[SampleList]
) -> Material:
    """Split the data, and look at what teaches for what the net is built from.

    Raises:
        LearningError: the data has not what the task needs, or see `split`.
    """
    taught, held_out = split(data, validation)
    return Material(taught, held_out, survey(task, options, taught))


def train_perception(
    task: Task,
    options: PerceptionOptions,
    material: Material,
    folder: Path,
    *,
    start: Path | None = None,
    resume: bool = False,
    on_start: Callable[[Started], None] = lambda started: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> PerceptionNet:
    """Train one of the task's nets; `folder` takes the checkpoints.

    With `start` the net takes the weights of a file that fit before it learns.

    Raises:
        LearningError: there is no such net, backbone, loss, stage or dropout, the file does not fit, or see `fit`.
        InterruptedTrainingError: Ctrl-C; `resume` goes on.
    """
    torch.manual_seed(options.seed)
    settings = material.settings
    choice = choose(task, options.net)
    net = choice.build(settings)
    _check_dropout(net, options.dropout)
    if start is not None:
        on_start(start_from(net, start))
    still = frozen_modules(net, options.freeze, settings.height, settings.width) if options.freeze else []
    training = PerceptionTraining(net, options.learning_rate or choice.learning_rate, options.weight_decay, still)
    variation = Variation(mirror=task.mirrors, zoom=Variation.zoom if task.zooms else 0.0) if options.augment else None
    shown = ViewBatches(material.taught, task, settings, options.seed, variation)
    checked = ViewBatches(material.held_out, task, settings, options.seed, None)
    schedule = Schedule(
        options.epochs,
        options.patience,
        options.batch_size,
        options.seed,
        average=_AVERAGE,
        workers=options.workers,
        mixed=True,
        clip=_CLIP,
    )
    same = {name: value for name, value in asdict(options).items() if name != "workers"}
    origin = same | {"task": task.name, "data": material.taught.describe(), "start": str(start or "")}
    fit(training, shown, checked, schedule, folder, origin, resume, on_epoch)
    return training.model


def _check_dropout(net: nn.Module, probability: float) -> None:
    """Refuse a dropout that is asked for and is nowhere in the net."""
    layers = [module for module in net.modules() if isinstance(module, _DROPOUTS)]
    if probability and all(layer.p != probability for layer in layers):
        raise LearningError(
            f"This net has no dropout that could be {probability}; leave out --dropout, or choose another net."
        )


def write_perception(
    task: Task,
    options: PerceptionOptions,
    material: Material,
    net: PerceptionNet,
    out: Path,
    licence: str,
    command: str,
    measure: Callable[[Session], dict[str, dict[str, float]]],
) -> ModelCard:
    """Export a trained net with its card; on held-out frames it gives what torch gives.

    Raises:
        LearningError: it does not.
    """
    settings = material.settings
    card = perception_card(task, options, material.settings, material.taught, out.stem, licence, command)
    frames = (
        stretch(sample.image, settings.width, settings.height) for sample in material.held_out.some(FRAMES_COMPARED)
    )
    return write_model(
        Deployed(net, task), card, frames, out, measure, differences=task.differences, tolerance=task.tolerance
    )
