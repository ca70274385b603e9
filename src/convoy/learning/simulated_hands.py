"""``hands:SEEDS``: gestures of simulated hands, a person from each seed."""

from __future__ import annotations

import re

from convoy.gestures.recogniser import UNKNOWN
from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons
from convoy.learning.shrec import label
from convoy_sim.hands import NO_GESTURE, Person

_MOST_PERSONS = 10_000


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a list such as ``0-39,50``.

    Raises:
        LearningError: it is no such list.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
        if not match:
            raise LearningError(f"Seeds {text!r} are not understood; wanted numbers and ranges, such as 0-39,50.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= _MOST_PERSONS:
            raise LearningError(f"Seeds {part!r}: wanted at most {_MOST_PERSONS} of them, the smaller one first.")
        seeds += range(first, last + 1)
    return seeds


def simulate(seeds: list[int], ways: bool) -> list[Skeletons]:
    """Let the persons of some seeds make all gestures, and much that is none; see `label`."""
    return [
        Skeletons(clip.joints, UNKNOWN if clip.gesture == NO_GESTURE else label(clip.gesture, clip.way, ways), seed)
        for seed in seeds
        for clip in Person(seed).clips()
    ]
