"""Folds hold whole groups and their share of each class."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.gestures.anatomy import HAND
from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons, folds, join
from convoy.learning.simulated_hands import parse_seeds


def test_folds_of_single_series_are_stratified() -> None:
    labels = np.repeat(np.arange(6), 30)
    fold = folds(labels, np.arange(180), 5, seed=0)
    for number in range(5):
        assert np.bincount(labels[fold == number]).tolist() == [6] * 6
    assert not np.array_equal(fold, folds(labels, np.arange(180), 5, seed=1))


def test_nobody_is_in_two_folds() -> None:
    groups = np.repeat([7, 3, 9, 11, 2, 5], 10)
    fold = folds(np.arange(60) % 4, groups, 3, seed=0)
    for group in np.unique(groups):
        assert len(np.unique(fold[groups == group])) == 1
    assert np.bincount(fold).tolist() == [20, 20, 20]


def test_movements_become_series_of_one_length() -> None:
    short, long = np.zeros((5, 2, 3), np.float32), np.ones((50, 2, 3), np.float32)
    short[2, 0] = np.nan
    data = join("x", "CC0-1.0", HAND, [Skeletons(short, "a", 0), Skeletons(long, "b", 1)], ("a", "b"), 16)
    assert data.values.shape == (2, 16, 6)
    assert np.isfinite(data.values).all()
    with pytest.raises(LearningError, match="in movement 1 \\(a\\) no joint is ever seen"):
        join("x", "", HAND, [Skeletons(np.full((5, 2, 3), np.nan), "a", 0)], ("a",), 16)
    with pytest.raises(LearningError, match="x holds no labelled movement"):
        join("x", "", HAND, [], ("a",), 16)


def test_seeds_are_lists_and_ranges() -> None:
    assert parse_seeds("0-3,7") == [0, 1, 2, 3, 7]
    for text in ("", "a", "3-1", "1-", "0-99999"):
        with pytest.raises(LearningError, match="Seeds"):
            parse_seeds(text)
