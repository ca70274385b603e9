"""Batches of views and targets out of data sets; the same ones for the same seed, however many processes read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from convoy.learning.datasets.sample import PARTS, Sample
from convoy.learning.datasets.sample_list import SampleList
from convoy.learning.errors import LearningError
from convoy.learning.fit import Draw
from convoy.learning.perception.augment import Variation, plain_view, varied_view
from convoy.learning.perception.task import NetSettings, Task

HELD_OUT = 0.2
"""Share at the end of a data set that is not trained on, where nothing says which part to validate with."""
_SEEDS = 1 << 40


@dataclass(frozen=True)
class Piece:
    """Some samples of a data set, by their numbers; `which` says which they are."""

    dataset: SampleList
    numbers: Sequence[int]
    which: str


ALL = "all of it"


class Samples:
    """The samples of several pieces of data sets, one after the other."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self._ends = list(accumulate(len(piece.numbers) for piece in pieces))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> Sample:
        for piece, end in zip(self.pieces, self._ends, strict=True):
            if number < end:
                return piece.dataset[piece.numbers[number - end]]  # counted from the end of the piece
        raise IndexError(number)

    def describe(self) -> str:
        """Name the data sets, and which part of each."""
        return " + ".join(
            piece.dataset.name if piece.which == ALL else f"{piece.dataset.name}, {piece.which}"
            for piece in self.pieces
        )

    def some(self, count: int) -> Iterator[Sample]:
        """Read so many of them, evenly spread, or all where there are fewer; one at a time, for they are large."""
        count = min(count, len(self))
        return (self[place * len(self) // count] for place in range(count))


def split(data: Sequence[SampleList], validation: Sequence[SampleList]) -> tuple[Samples, Samples]:
    """Say what teaches and what is held out.

    That is `validation`, or of each data set its part "val", or its end where it has none: neighbours look alike.

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
        taught, held_out = (Samples([Piece(one, range(len(one)), ALL) for one in sets]) for sets in (data, validation))
    else:
        pieces = [_pieces(one) for one in data]
        taught, held_out = Samples([first for first, _ in pieces]), Samples([second for _, second in pieces])
    if len(taught) < 2 or not len(held_out):
        raise LearningError(
            f"{len(taught)} samples to train with and {len(held_out)} held out; wanted 2 and 1 or more."
        )
    return taught, held_out


def _pieces(data: SampleList) -> tuple[Piece, Piece]:
    if "train" in data.parts and "val" in data.parts:
        return Piece(data, data.parts["train"], "part train"), Piece(data, data.parts["val"], "part val")
    end = len(data) - round(HELD_OUT * len(data))
    return (
        Piece(data, range(end), f"samples 0 to {end - 1}"),
        Piece(data, range(end, len(data)), f"samples {end} to {len(data) - 1}"),
    )


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
        needs = self._task.needs_of(self._settings.loss)
        # What is not asked for would still bind: the mirror image of a stereo pair has no mask.
        unasked: dict[str, Any] = dict.fromkeys(PARTS - set(needs))
        sample = replace(sample, **unasked)
        for name in needs:
            if getattr(sample, name) is None:
                raise LearningError(f"{sample.name} has no {name}, which {self._task.name} is taught by.")
        if self._variation is None:
            return plain_view(sample, *size)
        seed = (self._seed * len(self) + number) * 1_000_003 + epoch
        return varied_view(sample, *size, self._variation, seed % _SEEDS)
