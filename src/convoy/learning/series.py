"""Labelled time series, as gestures are learned from. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from convoy.gestures.anatomy import Anatomy
from convoy.gestures.gaps import fill_gaps
from convoy.inference import resample
from convoy.learning.errors import LearningError


@dataclass(frozen=True)
class SeriesSet:
    """Series of equal length, with a label each.

    Attributes:
        spec: what names the data, such as ``ts:FILE``.
        licence: of the data, 'not stated' where it has none.
        quantity: what the channels are, in which order and unit.
        values: float32 of shape (N, steps, channels).
        labels: number of the class of each, shape (N,).
        classes: names of the classes.
        groups: who made each series, shape (N,); nobody is trained on and tested on at the same time.
        anatomy: whose joints the channels are; None where they are taken as they are.
    """

    spec: str
    licence: str
    quantity: str
    values: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray
    anatomy: Anatomy | None = None

    def subset(self, chosen: np.ndarray) -> SeriesSet:
        """Return the series that are chosen by numbers or by a mask."""
        return replace(self, values=self.values[chosen], labels=self.labels[chosen], groups=self.groups[chosen])


@dataclass(frozen=True)
class Skeletons:
    """One labelled movement: joints in metres, shape (T, joints, 3), NaN where not seen; times in seconds or None."""

    joints: np.ndarray
    label: str
    group: int
    times: np.ndarray | None = None


def join(
    spec: str, licence: str, anatomy: Anatomy, clips: Sequence[Skeletons], classes: Sequence[str], steps: int
) -> SeriesSet:
    """Fill the gaps of movements and bring them to the same number of steps.

    Raises:
        LearningError: there are none, or one in which no joint is ever seen.
    """
    if not clips:
        raise LearningError(f"{spec} holds no labelled movement; wanted at least one.")
    channels = clips[0].joints[0].size
    values = np.empty((len(clips), steps, channels), np.float32)
    for number, clip in enumerate(clips):
        filled = fill_gaps(clip.joints, clip.times)
        if np.isnan(filled).any():
            raise LearningError(f"{spec}: in movement {number + 1} ({clip.label}) no joint is ever seen.")
        values[number] = resample(filled.reshape(len(filled), channels), steps, clip.times)
    labels = np.array([classes.index(clip.label) for clip in clips])
    groups = np.array([clip.group for clip in clips])
    return SeriesSet(spec, licence, anatomy.quantity, values, labels, tuple(classes), groups, anatomy)


def folds(labels: np.ndarray, groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Deal the groups out to `count` folds, so that each has its share of every class; returns each series' fold.

    Where every series is a group by itself, the folds are stratified by class.

    Raises:
        LearningError: there are fewer groups than folds.
    """
    random = np.random.default_rng(seed)
    names, members = np.unique(groups, return_inverse=True)
    if len(names) < count:
        raise LearningError(f"The data is of {len(names)} groups (persons, or series), wanted at least {count}.")
    order = random.permutation(len(names))
    if len(names) == len(groups):  # then the class of a group is that of its one series
        first = np.zeros(len(names), int)
        first[members] = labels
        order = order[np.argsort(first[order], kind="stable")]
    fold = np.empty(len(names), int)
    fold[order] = np.arange(len(names)) % count
    return fold[members]
