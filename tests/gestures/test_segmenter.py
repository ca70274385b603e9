"""Movements are cut out of continuous motion: where they start, where they end, and no more than once."""

from __future__ import annotations

import numpy as np

from convoy.gestures.segmenter import Segment, Segmenter
from convoy_sim.hands import Person

HAND = Person(0).clips(1, 0)[0].joints[0]


def watch(times: np.ndarray, places: np.ndarray, noise: float = 0.0) -> list[tuple[float, Segment]]:
    """Let a hand be at `places`, shape (T, 3); returns movements with the time at which each was told."""
    random = np.random.default_rng(1)
    segmenter = Segmenter(rest_s=0.13, longest_s=3.5)
    found = []
    for time, place in zip(times.tolist(), places, strict=True):
        segment = segmenter.add(time, HAND + place + random.normal(0, noise, HAND.shape))
        if segment:
            found.append((time, segment))
    return found


def stroke(times: np.ndarray, start: float, seconds: float, metres: float) -> np.ndarray:
    s = np.clip((times - start) / seconds, 0, 1)
    places = np.zeros((len(times), 3))
    places[:, 0] = metres * s**3 * (10 - 15 * s + 6 * s * s)
    return places


def test_one_stroke_is_one_movement_told_soon_after_its_end() -> None:
    times = np.arange(150) / 30
    for noise in (0.0, 0.002, 0.004):
        found = watch(times, stroke(times, 2.0, 0.5, 0.25), noise)
        assert len(found) == 1, noise
        told, segment = found[0]
        assert abs(segment.times[0] - 2.0) < 0.2
        assert abs(segment.times[-1] - 2.5) < 0.2
        assert told - 2.5 < 0.4


def test_a_resting_hand_makes_none() -> None:
    times = np.arange(900) / 30
    drift = np.stack([0.004 * np.sin(times), 0.003 * np.cos(times), 0 * times], axis=1)
    assert watch(times, drift, 0.003) == []


def test_two_strokes_with_rest_between_are_two() -> None:
    times = np.arange(240) / 30
    found = watch(times, stroke(times, 2.0, 0.5, 0.25) + stroke(times, 3.5, 0.5, -0.25), 0.002)
    assert len(found) == 2


def test_uneven_stamps_and_dropped_frames_change_little() -> None:
    random = np.random.default_rng(3)
    times = np.sort(random.uniform(0, 6, 150))
    found = watch(times, stroke(times, 2.5, 0.5, 0.25), 0.001)
    assert len(found) == 1
    assert abs(found[0][1].times[-1] - 3.0) < 0.25


def test_joints_that_are_not_seen_are_filled() -> None:
    times = np.arange(150) / 30
    random = np.random.default_rng(4)
    segmenter = Segmenter(0.13, 3.5)
    found = []
    for time, place in zip(times.tolist(), stroke(times, 2.0, 0.5, 0.25), strict=True):
        joints = HAND + place
        joints[random.random(22) < 0.3] = np.nan
        if segment := segmenter.add(time, joints):
            found.append(segment)
    assert len(found) == 1
    assert np.isfinite(found[0].joints).all()


def test_of_a_movement_without_end_the_last_part_is_given() -> None:
    times = np.arange(450) / 30
    circling = 0.1 * np.stack([np.sin(6 * times), np.cos(6 * times), 0 * times], axis=1)
    circling[times > 12] = circling[times <= 12][-1]
    found = watch(times, circling)
    assert len(found) == 1
    segment = found[0][1]
    assert segment.times[-1] - segment.times[0] <= 3.5 + 1e-6


def test_nearly_every_gesture_of_a_stream_is_cut_out_by_itself() -> None:
    right = made = 0
    for seed in range(500, 504):
        stream = Person(seed).stream(60)
        segmenter = Segmenter(0.13, 3.5)
        cut = [
            s
            for time, joints in zip(stream.times.tolist(), stream.joints, strict=True)
            if (s := segmenter.add(time, joints))
        ]
        for event in stream.events:
            over = [s for s in cut if s.times[0] < event.end and event.start < s.times[-1]]
            made += 1
            right += len(over) == 1 and abs(over[0].times[-1] - event.end) < 0.3
    assert made > 15
    assert right >= 0.9 * made
