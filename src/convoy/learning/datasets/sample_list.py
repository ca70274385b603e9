"""Data sets as lists of what reads each sample: parts, joins and what can't be read are then operations on lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from convoy.learning.datasets.classes import ClassTable, Colour
from convoy.learning.datasets.sample import Report, Sample
from convoy.learning.errors import LearningError

Reader = Callable[[], Sample]
"""Reads one sample; raises LearningError where that fails."""


@dataclass(frozen=True)
class SampleList:
    """A `Dataset`.

    Attributes:
        name, licence, report: see `Dataset`.
        table: its classes.
        readers: of its samples.
        parts: numbers of the samples in its named parts, "train" for example.
    """

    name: str
    licence: str
    table: ClassTable
    readers: tuple[Reader, ...]
    report: Report = field(default_factory=Report)
    parts: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.table.names

    @property
    def palette(self) -> tuple[Colour, ...]:
        return self.table.colours

    @property
    def boxed(self) -> tuple[int, ...]:
        return self.table.boxed

    @property
    def points(self) -> tuple[str, ...]:
        return self.table.points

    def __len__(self) -> int:
        return len(self.readers)

    def __getitem__(self, number: int) -> Sample:
        return self.readers[number]()

    def part(self, name: str) -> SampleList:
        """A part: by its name, or "0-0.8" for what lies between these fractions, in order.

        Raises:
            LearningError: there is none of this name.
        """
        if name in self.parts:
            return self._only(self.parts[name])
        try:
            low, high = (float(edge) for edge in name.split("-"))
        except ValueError:
            low, high = 0.0, 0.0
        if not 0.0 <= low < high <= 1.0:
            named = ", ".join(f"#{part}" for part in self.parts) or "no named ones"
            raise LearningError(f"{self.name} has no part {name!r}; it has {named}, and fractions such as #0-0.8.")
        return self._only(range(round(low * len(self)), round(high * len(self))))

    def spread(self, count: int) -> SampleList:
        """So many of its samples, evenly spread.

        Raises:
            LearningError: it has fewer.
        """
        if not 0 < count <= len(self):
            raise LearningError(f"{self.name} has {len(self)} samples; {count} were asked for.")
        return self._only([number * len(self) // count for number in range(count)])

    def readable(self) -> SampleList:
        """Those of its samples that can be read, by reading all of them; `report` says what the others have."""
        good, skipped = [], []
        for number, reader in enumerate(self.readers):
            try:
                reader()
                good.append(number)
            except LearningError as fault:
                skipped.append(str(fault))
        if not good:
            raise LearningError(f"{self.name}: not one of {len(self)} samples can be read; the first: {skipped[0]}")
        kept = self._only(good)
        report = replace(self.report, skipped=(*self.report.skipped, *skipped), of=self.report.of or len(self))
        return replace(kept, report=report)

    def _only(self, numbers: Sequence[int]) -> SampleList:
        return replace(self, readers=tuple(self.readers[number] for number in numbers), parts={})


def join(sets: Sequence[SampleList]) -> SampleList:
    """Put data sets one after another.

    Raises:
        LearningError: there is none, or they speak of other classes.
    """
    if not sets:
        raise LearningError("There is no data set to open.")
    first, *others = sets
    for other in others:
        if other.table != first.table:
            lacks = ", ".join(sorted(set(first.classes) ^ set(other.classes))) or "their order, colours or boxes"
            raise LearningError(f"{first.name} and {other.name} can't be joined: their classes differ ({lacks}).")
    if not others:
        return first
    counts: Counter[str] = sum((found.report.counts for found in sets), Counter())
    return SampleList(
        ", ".join(found.name for found in sets),
        "; ".join(dict.fromkeys(found.licence for found in sets)),
        first.table,
        tuple(reader for found in sets for reader in found.readers),
        Report(
            tuple(line for found in sets for line in found.report.skipped),
            sum(found.report.of or len(found) for found in sets),
            counts,
        ),
    )
