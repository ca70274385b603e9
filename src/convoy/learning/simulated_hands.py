"""``hands:SEEDS``: gestures of simulated hands, a person from each seed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from convoy.gestures.recogniser import UNKNOWN, GestureRecogniser
from convoy.gestures.segmenter import Segmenter
from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons
from convoy.learning.shrec import label
from convoy_sim.hands import NO_GESTURE, Person

_MOST_PERSONS = 10_000
STREAM_S = 90.0
"""Continuous motion of each person."""


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
    """Let the persons of some seeds make all gestures, and much that is none; see `shrec.label`.

    Half of what is none comes as clips. The other half is what the recogniser cuts out of continuous motion.
    """
    movements = []
    for seed in seeds:
        person = Person(seed)
        for clip in person.clips():
            name = UNKNOWN if clip.gesture == NO_GESTURE else label(clip.gesture, clip.way, ways)
            movements.append(Skeletons(clip.joints, name, seed))
        movements += [Skeletons(joints, UNKNOWN, seed, times) for joints, times in _between_gestures(person)]
    return movements


def _between_gestures(person: Person) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the movements that the recogniser finds while a person makes no gesture: joints and times in seconds."""
    stream = person.stream(STREAM_S)
    limits = {name: field.default for name, field in GestureRecogniser.Parameters.model_fields.items()}
    segmenter = Segmenter(limits["rest"], limits["max_duration"])
    for time, joints in zip(stream.times.tolist(), stream.joints, strict=True):
        segment = segmenter.add(time, joints)
        if segment is None or any(
            event.start < segment.times[-1] and segment.times[0] < event.end for event in stream.events
        ):
            continue
        for start in segment.starts:
            yield segment.joints[start:], segment.times[start:]
