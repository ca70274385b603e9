"""Hands are followed by where they are, whatever ids their source gives them."""

from __future__ import annotations

import numpy as np

from convoy.gestures.identity import Identities, distinct
from convoy.gestures.tracks import Tracks
from convoy_sim.hands import Person

HAND = Person(0).clips(1, 0)[0].joints[0]
FRAMES = np.arange(150) / 30


def beside(metres: float) -> np.ndarray:
    return HAND + np.array([metres, 0.0, 0.0])


def swipe(time: float) -> float:
    s = min(max((time - 2.0) / 0.5, 0), 1)
    return 0.25 * s**3 * (10 - 15 * s + 6 * s * s)


def test_two_hands_are_watched_side_by_side() -> None:
    tracks = Tracks(0.13, 3.5)
    found = []
    for time in FRAMES:
        found.append(tracks.add(1, time, beside(swipe(time))))
        assert tracks.add(2, time, beside(-0.5)) is None
    assert len([segment for segment in found if segment]) == 1
    assert len(tracks) == 2


def test_hands_that_swap_ids_are_not_mixed_up() -> None:
    tracks = Tracks(0.13, 3.5)
    found = []
    for number, time in enumerate(FRAMES):
        ids = (1, 2) if number % 2 else (2, 1)
        found.append(tracks.add(ids[0], time, beside(swipe(time))))
        found.append(tracks.add(ids[1], time, beside(-0.5)))
    segments = [segment for segment in found if segment]
    assert len(segments) == 1
    assert np.ptp(segments[0].joints[:, 1, 0]) < 0.3
    assert len(tracks) == 2


def test_a_frame_that_is_not_newer_is_dropped() -> None:
    tracks = Tracks(0.13, 3.5)
    found = []
    for time in FRAMES:
        for stamp in (time, time, time - 0.05):
            found.append(tracks.add(1, stamp, beside(swipe(stamp))))
    assert len([segment for segment in found if segment]) == 1


def test_after_half_a_second_without_it_or_a_jump_back_a_hand_starts_anew() -> None:
    for jump in (5.0, -60.0):
        tracks = Tracks(0.13, 3.5)
        found = []
        for time in FRAMES:
            later = time + 100 + (jump if time > 2.2 else 0)  # in the middle of the stroke
            found.append(tracks.add(1, later, beside(swipe(time))))
        assert len(tracks) == 1
        assert all(segment is None or segment.times[0] > 100 + 2.2 + jump for segment in found)


def test_a_frame_without_a_joint_is_no_news() -> None:
    tracks = Tracks(0.13, 3.5)
    assert tracks.add(1, 0.0, np.full((22, 3), np.nan)) is None
    assert len(tracks) == 0


def test_hands_keep_their_ids_while_they_move() -> None:
    identities = Identities()
    left, right = np.array([-0.2, 0, 0.6]), np.array([0.2, 0, 0.6])
    assert identities.assign(0.0, np.stack([left, right])) == [1, 2]
    assert identities.assign(0.1, np.stack([right + 0.05, left + 0.05])) == [2, 1]
    assert identities.assign(0.2, left[None] + 0.1) == [1]
    assert identities.assign(0.3, np.stack([left + 0.1, right + 0.1])) == [1, 2]


def test_a_hand_that_was_away_or_elsewhere_gets_a_new_id() -> None:
    identities = Identities()
    place = np.array([[0.0, 0.0, 0.5]])
    assert identities.assign(0.0, place) == [1]
    assert identities.assign(0.1, place + 1.0) == [2]
    assert identities.assign(2.0, place + 1.0) == [3]


def test_a_hand_that_is_found_twice_is_one() -> None:
    hand = HAND - HAND.mean(axis=0) + np.array([0.0, 0.0, 0.6])
    aside = hand + np.array([0.2, 0.0, 0.0])
    further = hand * 1.2  # in the picture at the same place, and as large
    assert distinct([hand, further, aside], [0.8, 0.9, 0.7]) == [1, 2]
    assert distinct([hand + np.array([0.02, 0.0, 0.0]), hand], [0.9, 0.8]) == [0]
    assert distinct([], []) == []
