"""Batches of views and targets out of data sets; the same ones for the same seed, however many processes read them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from convoy.learning.datasets.sample import Dataset, Sample
from convoy.learning.errors import LearningError
from convoy.learning.fit import Draw
from convoy.learning.perception.augment import Variation, plain_view, varied_view
from convoy.learning.perception.task import NetSettings, Task

HELD_OUT = 0.2
"""Share at the end of each data set that is not trained on, where no other data is given to validate with."""
_SEEDS = 1 << 40


class Samples:
    """The samples of several data sets, one after the other; of each those in its range of numbers."""

    def __init__(self, parts: Sequence[tuple[Dataset, range]]) -> None:
        self.parts = tuple(parts)
        self._ends = list(accumulate(len(numbers) for _, numbers in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> Sample:
        for (dataset, numbers), end in zip(self.parts, self._ends, strict=True):
            if number < end:
                return dataset[numbers[number - end]]  # counted from the end of the part
        raise IndexError(number)

    def describe(self) -> str:
        """Name the data sets, and which part of each."""
        return " + ".join(
            dataset.name if len(numbers) == len(dataset) else f"{dataset.name}, {numbers.start} to {numbers.stop - 1}"
            for dataset, numbers in self.parts
        )

    def some(self, count: int) -> list[Sample]:
        """Read so many of them, evenly spread, or all where there are fewer."""
        count = min(count, len(self))
        return [self[place * len(self) // count] for place in range(count)]


def split(data: Sequence[Dataset], validation: Sequence[Dataset]) -> tuple[Samples, Samples]:
    """Say what teaches and what is held out: the data sets given for it, or the end of each, for neighbours look alike.

    Raises:
        LearningError: the data sets have different classes, or too few samples.
    """
    for other in [*data, *validation]:
        if other.classes != data[0].classes:
            raise LearningError(
                f"{other.name} has the classes {', '.join(other.classes)}; {data[0].name} has "
                f"{', '.join(data[0].classes)}. Train with data of the same classes."
            )
    if validation:
        taught = Samples([(one, range(len(one))) for one in data])
        held_out = Samples([(one, range(len(one))) for one in validation])
    else:
        starts = [len(one) - round(HELD_OUT * len(one)) for one in data]
        taught = Samples([(one, range(start)) for one, start in zip(data, starts, strict=True)])
        held_out = Samples([(one, range(start, len(one))) for one, start in zip(data, starts, strict=True)])
    if len(taught) < 2 or not len(held_out):
        raise LearningError(
            f"{len(taught)} samples to train with and {len(held_out)} held out; wanted 2 and 1 or more."
        )
    return taught, held_out


class ViewBatches:
    """Batches of `(views, targets)` for nets of a task; views (N, 3, H, W) in 0..1, varied if `variation` is given."""

    def __init__(
        self, samples: Samples, task: Task, settings: NetSettings, seed: int, variation: Variation | None
    ) -> None:
        self._samples, self._task, self._settings = samples, task, settings
        self._seed, self._variation = seed, variation

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Any]:
        views = [self._view(draw.epoch, number) for number in draw.numbers]
        targets = [self._task.target(view, self._settings) for view in views]
        return torch.stack([view.image for view in views]), self._task.collate(targets)

    def _view(self, epoch: int, number: int) -> Any:
        sample, size = self._samples[number], (self._settings.width, self._settings.height)
        for name in self._task.needs_of(self._settings.loss):
            if getattr(sample, name) is None:
                raise LearningError(f"{sample.name} has no {name}, which {self._task.name} is taught by.")
        if self._variation is None:
            return plain_view(sample, *size)
        seed = (self._seed * len(self) + number) * 1_000_003 + epoch
        return varied_view(sample, *size, self._variation, seed % _SEEDS)
