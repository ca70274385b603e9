"""A hand's distance, as one camera tells it, is steadied; where the hand is in the picture stays."""

from __future__ import annotations

import numpy as np

from convoy.gestures.distance import Distances
from convoy_sim.hands import Person

HAND = Person(0).clips(1, 0)[0].joints[0]
HAND = HAND - HAND[1] + np.array([0.1, -0.05, 0.6], np.float32)


def at(metres: float) -> np.ndarray:
    """The hand with its palm seen at the same place, at another distance."""
    return HAND + HAND[1] / HAND[1, 2] * np.float32(metres - HAND[1, 2])


def test_a_distance_that_jumps_is_steadied() -> None:
    random = np.random.default_rng(0)
    distances = Distances(2.0)
    told = 0.6 + random.normal(0, 0.03, 300)
    steadied = np.stack([distances.steady(1, n / 30, at(metres)) for n, metres in enumerate(told)])
    assert np.std(steadied[60:, 1, 2]) < 0.2 * np.std(told)
    assert np.allclose(steadied[:, 1, :2] / steadied[:, 1, 2:], HAND[1, :2] / HAND[1, 2], atol=1e-5)
    assert np.allclose(steadied - steadied[:, 1:2], HAND - HAND[1], atol=1e-5)


def test_it_follows_a_hand_that_comes_nearer() -> None:
    distances = Distances(2.0)
    for n in range(30):
        distances.steady(1, n / 30, at(0.8))
    nearer = [distances.steady(1, 1 + n / 30, at(0.5))[1, 2] for n in range(300)]
    assert nearer[0] > 0.79
    assert nearer[-1] < 0.51


def test_hands_are_steadied_one_by_one_and_anew_after_a_while() -> None:
    distances = Distances(2.0)
    for n in range(30):
        assert distances.steady(1, n / 30, at(0.8))[1, 2] > 0.79
        assert distances.steady(2, n / 30, at(0.4))[1, 2] < 0.41
    assert distances.steady(1, 5.0, at(0.5))[1, 2] == np.float32(0.5)
    assert distances.steady(1, 4.9, at(0.6))[1, 2] == np.float32(0.6)


def test_none_is_asked_for() -> None:
    distances = Distances(0.0)
    assert [round(float(distances.steady(1, n / 30, at(0.5 + n / 10))[1, 2]), 3) for n in range(3)] == [0.5, 0.6, 0.7]
