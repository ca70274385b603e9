"""The training loop that every supervised task runs in: early stopping, averaged weights, checkpoints, resume."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler, Subset, TensorDataset

from convoy.learning.errors import LearningError
from convoy.memory import keep_freed_memory

MONITOR = "validation_loss"
"""What a task logs in its validation step, and what is made small."""


@dataclass(frozen=True)
class Draw:
    """Which examples make a batch, and in which epoch: what varies them by chance depends on both."""

    epoch: int
    numbers: list[int]


class Batches(Protocol):
    """Examples that come in batches; read in other processes where the `Schedule` says so."""

    def __len__(self) -> int: ...
    def __getitem__(self, draw: Draw, /) -> Any: ...


Examples = TensorDataset | Subset[Any] | Batches
"""Batches, or tensors with the same first axis, which a list of indices cuts into a batch."""

BEST, OPTIONS = "best.ckpt", "options.json"
"""In the folder of a run."""
_LAST, _RESULT = "last.ckpt", "result.json"
_KEPT_BYTES = 2**30
"""Freed memory for the next batch."""


class InterruptedTrainingError(LearningError):
    """The user stopped the training; the checkpoint of the last whole epoch is kept."""


@dataclass(frozen=True)
class Epoch:
    """How far a run is: epochs done and wanted, the last validation loss, the best so far and its epoch.

    Without validation the losses are NaN, and the last epoch counts as the best. `training` is the mean loss of the
    epoch's batches, in whatever unit the task trains by.
    """

    done: int
    of: int
    loss: float
    best_loss: float
    best: int
    training: float = math.nan


@dataclass(frozen=True)
class Schedule:
    """How to go through the data: in batches of `batch_size`, at most `epochs` times.

    It ends early after `patience` epochs without a better validation loss. The same seed gives the same weights.
    `average` is the decay per step of the moving average of the weights, which is what is validated and kept.
    `workers` processes read the examples, this one alone where it is 0. `mixed` lets a GPU, or a CPU that can,
    compute in 16 bits where that suffices, and `clip` bounds the norm of the gradient, 0 not. `to_the_end` goes
    through all epochs and keeps the last: validation is told, but decides nothing.
    """

    epochs: int
    patience: int
    batch_size: int
    seed: int
    average: float = 0.99
    workers: int = 0
    mixed: bool = False
    clip: float = 0.0
    to_the_end: bool = False

    @property
    def precision(self) -> Literal["32-true", "16-mixed", "bf16-mixed"]:
        """What lightning calls the numbers that this machine should compute with."""
        if not self.mixed:
            return "32-true"
        if torch.cuda.is_available():
            return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
        able = torch.cpu.get_capabilities()
        return "bf16-mixed" if able.get("avx512_bf16") or able.get("amx_bf16") else "32-true"


class ShuffledBatches(Sampler[Draw]):
    """Batches in a new order each epoch.

    The order, and what dropout and augmentation then draw, depend on the seed and the number of the epoch alone.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self._count, self._batch_size, self._seed = count, batch_size, seed
        self.epoch: Callable[[], int] = lambda: 0

    def __iter__(self) -> Iterator[Draw]:
        # Asked for at the first batch, and not told by lightning before it: a resumed run would hear a wrong epoch.
        epoch = self.epoch()
        torch.manual_seed(self._seed * 1_000_003 + epoch)
        order = torch.randperm(self._count).tolist()
        ends = [*range(self._batch_size, self._batch_size * len(self), self._batch_size), self._count]
        for start, end in zip([0, *ends], ends, strict=False):
            yield Draw(epoch, order[start:end])

    def __len__(self) -> int:
        # A single one that is left over joins the last batch: batch norm has nothing to learn from it.
        alone = self._count % self._batch_size == 1 and self._count > self._batch_size
        return math.ceil(self._count / self._batch_size) - alone


class _BatchesInOrder(Sampler[Draw]):
    def __init__(self, count: int, batch_size: int) -> None:
        self._draws = [Draw(0, batch.tolist()) for batch in torch.arange(count).split(batch_size)]

    def __iter__(self) -> Iterator[Draw]:
        return iter(self._draws)

    def __len__(self) -> int:
        return len(self._draws)


class _TensorBatches(Dataset[Any]):
    def __init__(self, tensors: TensorDataset | Subset[Any]) -> None:
        self._tensors = tensors

    def __len__(self) -> int:
        return len(self._tensors)

    def __getitem__(self, draw: Draw) -> Any:
        return self._tensors[draw.numbers]


def one_cycle(
    parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float, steps: int, warm_up: float
) -> dict[str, Any]:
    """Make what lightning's `configure_optimizers` wants: AdamW on one cycle of the learning rate (Smith & Topin 2018).

    The rate rises to `learning_rate` within the share `warm_up` of so many `steps`, and falls to almost nothing.
    """
    optimiser = torch.optim.AdamW(parameters, learning_rate, weight_decay=weight_decay)
    if warm_up * steps == 1:
        warm_up *= 2  # torch divides by the steps of the warm-up less one
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=warm_up)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def fit(
    task: lightning.LightningModule,
    training: Examples,
    validation: Examples | None,
    schedule: Schedule,
    folder: Path,
    options: Mapping[str, Any],
    resume: bool = False,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Epoch:
    """Train `task`, and leave in it the averaged weights of its best epoch; of the last one without `validation`.

    `folder` takes the checkpoints, and the `options` that the run was started with. With `resume` the run in it is
    continued from its last whole epoch; it ends with the same weights as one that was never stopped. `on_epoch` is
    called after each epoch.

    Raises:
        LearningError: there is no run to resume, or it had other options; or the loss is not finite.
        InterruptedTrainingError: Ctrl-C.
    """
    _open_run(folder, json.loads(json.dumps(options)), resume)
    result = folder / _RESULT
    if result.exists():
        epoch = Epoch(**json.loads(result.read_text()))
    else:
        epoch = _train(task, training, validation, schedule, folder, resume, on_epoch)
        result.write_text(json.dumps(asdict(epoch)))
    name = BEST if validation and not schedule.to_the_end else _LAST
    kept = torch.load(folder / name, map_location="cpu", weights_only=True)
    task.load_state_dict(kept["state_dict"])
    return epoch


def _train(
    task: lightning.LightningModule,
    training: Examples,
    validation: Examples | None,
    schedule: Schedule,
    folder: Path,
    resume: bool,
    on_epoch: Callable[[Epoch], None],
) -> Epoch:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # waiting threads spin: leave cores to the others
    keep_freed_memory(_KEPT_BYTES)
    monitor = MONITOR if validation and not schedule.to_the_end else None
    report = _Report(schedule.epochs, on_epoch)
    callbacks: list[Callback] = [
        WeightAveraging(avg_fn=_moving_average(schedule.average)),
        ModelCheckpoint(
            folder, "best", monitor, save_last=True, enable_version_counter=False, save_on_train_epoch_end=True
        ),
        report,
    ]
    if validation and not schedule.to_the_end:
        callbacks.append(EarlyStopping(MONITOR, patience=schedule.patience))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lightning's advice on loggers and workers
        trainer = lightning.Trainer(
            max_epochs=schedule.epochs,
            callbacks=callbacks,
            # Some layers have no deterministic form on a GPU.
            deterministic="warn" if torch.cuda.is_available() else True,
            precision=schedule.precision,
            gradient_clip_val=schedule.clip or None,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        checkpoint = folder / _LAST if resume and (folder / _LAST).exists() else None
        begins = torch.load(checkpoint, map_location="cpu", weights_only=True)["epoch"] + 1 if checkpoint else 0
        batches = ShuffledBatches(len(training), schedule.batch_size, schedule.seed)
        # Of a run that goes on the first batches are read ahead, before lightning knows in which epoch it is.
        batches.epoch = lambda: max(begins, trainer.current_epoch)
        shown = _loader(training, batches, schedule.workers)
        checked = validation and _loader(
            validation, _BatchesInOrder(len(validation), schedule.batch_size), schedule.workers
        )
        on_interrupt = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(task, shown, checked, ckpt_path=checkpoint, weights_only=True)
        except SystemExit:  # lightning's answer to Ctrl-C, which it ignores from then on
            signal.signal(signal.SIGINT, on_interrupt)
            raise InterruptedTrainingError(
                f"Stopped after {trainer.current_epoch} epochs; nothing was written but the checkpoints in {folder}. "
                "The same command with --resume goes on from there."
            ) from None
    if trainer.global_rank:
        raise SystemExit(0)  # one of several processes, each with a GPU: the first one goes on with what they trained
    return report.last


def _loader(examples: Examples, draws: Sampler[Draw], workers: int) -> DataLoader[Any]:
    batches: Any = _TensorBatches(examples) if isinstance(examples, TensorDataset | Subset) else examples
    # Kept from epoch to epoch: a fork makes the kernel copy each page of ours at its next use.
    return DataLoader(batches, sampler=draws, batch_size=None, num_workers=workers, persistent_workers=workers > 0)


class _Report(Callback):
    """Keeps and passes on how far the run is; a resumed run knows the best of what came before."""

    def __init__(self, epochs: int, on_epoch: Callable[[Epoch], None]) -> None:
        self._on_epoch = on_epoch
        self.last = Epoch(0, epochs, math.inf, math.inf, 0)
        self._losses: list[torch.Tensor] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        loss, done = float(trainer.callback_metrics.get(MONITOR, math.nan)), trainer.current_epoch + 1
        if MONITOR in trainer.callback_metrics and not math.isfinite(loss):
            raise LearningError(f"The validation loss is {loss} in epoch {done}; try a smaller learning rate.")
        better = not loss >= self.last.best_loss
        best_loss, best = (loss, done) if better else (self.last.best_loss, self.last.best)
        training = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        self._losses.clear()
        self.last = Epoch(done, self.last.of, loss, best_loss, best, training)
        self._on_epoch(self.last)

    def state_dict(self) -> dict[str, Any]:
        return asdict(self.last)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.last = Epoch(**state_dict)


def _moving_average(decay: float) -> Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]:
    def average(kept: torch.Tensor, new: torch.Tensor, steps: Any) -> torch.Tensor:
        # Young averages forget faster, or a short run would keep the weights that it started with.
        return kept + (1 - min(decay, (1 + int(steps)) / (10 + int(steps)))) * (new - kept)

    return average


def _open_run(folder: Path, options: Mapping[str, Any], resume: bool) -> None:
    path = folder / OPTIONS
    if not resume:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (BEST, _LAST, _RESULT):
            (folder / name).unlink(missing_ok=True)
        path.write_text(json.dumps(options, indent=1))
        return
    if not path.exists():
        raise LearningError(f"There is no run to resume in {folder}; run the command without --resume.")
    before = json.loads(path.read_text())
    for name in sorted(before.keys() | options.keys()):
        if before.get(name) != options.get(name):
            raise LearningError(
                f"The run in {folder} was started with {name} = {before.get(name)}, now it is {options.get(name)}; "
                "use the same options, or start anew without --resume."
            )
