"""Simulated hands are hands: bones keep their length, persons differ, and the same seed does the same."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.interfaces.skeletons import HAND_JOINTS
from convoy_sim.hands import FINGER, GESTURES, HAND, NO_GESTURE, Person
from convoy_sim.hands.gestures import BUNCH, FIST, OPEN, PINCH, POINT
from convoy_sim.hands.kinematics import FINGERS, POSE, HandShape

TIPS = [5, 9, 13, 17, 21]
BONES = [(0, 1), *((base + part, base + part + 1) for base in (2, 6, 10, 14, 18) for part in range(3))]


def posed(fingers: np.ndarray) -> np.ndarray:
    poses = np.zeros((1, POSE))
    poses[0, FINGERS:] = fingers.ravel()
    return HandShape.draw(np.random.default_rng(5)).joints(poses)[0]


def test_bones_keep_their_length_in_every_movement() -> None:
    shape = HandShape.draw(np.random.default_rng(1))
    joints = shape.joints(np.random.default_rng(2).normal(0, 1, (50, POSE)))
    assert joints.shape == (50, len(HAND_JOINTS), 3)
    for one, two in BONES:
        assert np.ptp(np.linalg.norm(joints[:, one] - joints[:, two], axis=1)) < 1e-9


def test_postures_look_like_what_they_are_called() -> None:
    reach = {
        name: np.linalg.norm(posed(fingers)[TIPS] - posed(fingers)[0], axis=1)
        for name, fingers in {"open": OPEN, "fist": FIST, "point": POINT}.items()
    }
    assert (reach["open"][1:] > 1.5 * reach["fist"][1:]).all()
    assert reach["point"][1] > 1.5 * reach["point"][2:].max()
    for fingers, tips in ((PINCH, TIPS[:2]), (BUNCH, TIPS)):
        together = posed(fingers)[tips]
        assert np.linalg.norm(together - together.mean(axis=0), axis=1).max() < 0.04


def test_the_same_seed_does_the_same_and_another_does_not() -> None:
    for one, two in zip(Person(3).clips(1, 3), Person(3).clips(1, 3), strict=True):
        assert np.array_equal(one.joints, two.joints, equal_nan=True)
    first, again, other = (Person(seed).stream(20) for seed in (3, 3, 4))
    assert np.array_equal(first.joints, again.joints, equal_nan=True)
    assert first.events == again.events
    assert first.events != other.events


def test_every_gesture_is_made_in_both_ways() -> None:
    clips = Person(11).clips(repetitions=2, idle_clips=5)
    made = [(clip.gesture, clip.way) for clip in clips]
    for gesture in GESTURES:
        assert made.count((gesture, FINGER)) == made.count((gesture, HAND)) == 2
    assert made.count((NO_GESTURE, 0)) == 5
    assert all(clip.joints.dtype == np.float32 and clip.joints.shape[1:] == (22, 3) for clip in clips)


@pytest.mark.parametrize(
    ("gesture", "axis", "sign"),
    [
        ("swipe_right", 0, -1),
        ("swipe_left", 0, 1),
        ("swipe_up", 1, -1),
        ("swipe_down", 1, 1),
    ],
)
def test_swipes_go_where_the_user_means(gesture: str, axis: int, sign: int) -> None:
    """To the user's right is to the left of the picture, up is up."""
    for seed in range(8):
        clips = [clip for clip in Person(seed).clips(1, 0) if clip.gesture == gesture]
        for clip in clips:
            way = np.nanmean(clip.joints[-3:, 1] - clip.joints[:3, 1], axis=0)
            assert np.sign(way[axis]) == sign
            assert abs(way[axis]) == np.abs(way[:2]).max()


def test_a_stream_holds_gestures_with_rest_between() -> None:
    stream = Person(21).stream(120)
    assert 6 < len(stream.events) < 30
    assert (np.diff(stream.times) > 0).all()
    for one, two in zip(stream.events, stream.events[1:], strict=False):
        assert two.start - one.end > 0.5
    assert stream.events[-1].end < 120
