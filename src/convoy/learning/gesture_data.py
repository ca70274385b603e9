"""Opens what a SPEC names: ``ts:FILE``, ``shrec:DIR``, ``csv:FILE``, ``bag:DIR`` or ``hands:SEEDS``. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convoy.gestures import anatomy
from convoy.gestures.recogniser import UNKNOWN
from convoy.learning.errors import LearningError
from convoy.learning.hand_bag import read_bag
from convoy.learning.hand_csv import read_csv
from convoy.learning.recordings import licence_of
from convoy.learning.series import SeriesSet, Skeletons, join
from convoy.learning.shrec import Split, label, read_shrec
from convoy.learning.simulated_hands import parse_seeds, simulate
from convoy.learning.ts_file import read_ts
from convoy_sim.hands import FINGER, GESTURES, HAND

HAND_STEPS = 32
"""Instants that a gesture of a hand, or of arms, is brought to."""


def open_series(
    spec: str,
    ways: bool = False,
    split: Split = "train",
    classes: Sequence[str] = (),
    steps: int | None = None,
) -> SeriesSet:
    """Open the data that a SPEC names.

    Args:
        ways: take a gesture made with one finger and one made with the whole hand for two (28 classes, not 14).
        split: part of the official split, where the data has one.
        classes: those of a model that is to be tried on the data; else the data's own.
        steps: of a model likewise.

    Raises:
        LearningError: the SPEC is of no known kind, or the data is missing, damaged or empty, or of other classes.
        BagError: the bag is missing or damaged.
    """
    kind, _, place = spec.partition(":")
    path = Path(place)
    if not place or kind not in ("ts", "shrec", "csv", "bag", "hands"):
        raise LearningError(
            f"Data {spec!r} is not understood; wanted ts:FILE, shrec:DIR, csv:FILE, bag:DIR or hands:SEEDS."
        )
    if kind == "ts":
        data = read_ts(path, licence_of(path))
        return data if not classes else _with_classes(data, classes)
    own: Sequence[str] = [
        label(gesture, way, ways) for gesture in GESTURES for way in ((FINGER, HAND) if ways else (HAND,))
    ]
    licence = licence_of(path)
    clips: list[Skeletons]
    whose = anatomy.HAND
    if kind == "hands":
        clips, licence = simulate(parse_seeds(place), ways), "Apache-2.0 (made by convoy)"
        own = [*own, UNKNOWN]
    elif kind == "shrec":
        clips = read_shrec(path, ways, split)
    else:
        clips, whose = (read_csv(path), whose) if kind == "csv" else read_bag(path)
        own = sorted({clip.label for clip in clips})
    names = list(classes or own)
    strange = sorted({clip.label for clip in clips} - set(names))
    if strange:
        raise LearningError(f"{spec} has the class {strange[0]!r}, which is none of the model's: {', '.join(names)}.")
    return join(spec, licence, whose, clips, names, steps or HAND_STEPS)


def _with_classes(data: SeriesSet, classes: Sequence[str]) -> SeriesSet:
    strange = sorted(set(data.classes) - set(classes))
    if strange:
        raise LearningError(
            f"{data.spec} has the class {strange[0]!r}, which is none of the model's: {', '.join(classes)}."
        )
    numbers = np.array([list(classes).index(name) for name in data.classes])
    return replace(data, labels=numbers[data.labels], classes=tuple(classes))
