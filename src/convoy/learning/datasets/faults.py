"""What is wrong with a data set, gathered while it is opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from convoy.learning.datasets.sample import Report
from convoy.learning.errors import LearningError

OnMissing = Literal["error", "skip"]


@dataclass
class Faults:
    """Refuses samples that can't be read, or leaves them out and counts them, as asked."""

    missing: OnMissing = "error"
    skipped: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def refuse(self, fault: str) -> None:
        """Say what is wrong, unless it is to be left out.

        Raises:
            LearningError: it is not.
        """
        if self.missing == "error":
            raise LearningError(f"{fault} (--skip-missing leaves such samples out)")

    def skip(self, fault: str) -> None:
        """Leave a sample out.

        Raises:
            LearningError: that was not asked for.
        """
        self.refuse(fault)
        self.skipped.append(fault)

    def report(self, kept: int) -> Report:
        """What was found, in a set of which so many samples are kept."""
        return Report(tuple(self.skipped), kept + len(self.skipped), self.counts)
