"""Skeleton messages and arrays."""

from __future__ import annotations

import numpy as np
import pytest

from convoy.interfaces import cdr
from convoy.interfaces.messages import HandSkeleton, InterfaceError, type_name
from convoy.interfaces.skeletons import BODY_JOINTS, HAND_JOINTS, body_skeleton, hand_skeleton, joints


def test_joints_survive_the_wire() -> None:
    points = np.random.default_rng(0).normal(0, 1, (22, 3)).astype(np.float32)
    points[3] = np.nan
    message = hand_skeleton(points, id=3, handedness=HandSkeleton.RIGHT, confidence=0.5)
    read = cdr.deserialize(cdr.serialize(message), type_name(HandSkeleton))
    assert np.array_equal(joints(read), points, equal_nan=True)
    assert (read.id, read.handedness) == (3, 2)


def test_names_are_as_many_as_joints() -> None:
    assert len(HAND_JOINTS) == len(set(HAND_JOINTS)) == 22
    assert HAND_JOINTS[:3] == ("wrist", "palm", "thumb_base")
    assert len(BODY_JOINTS) == 8


def test_a_joint_of_which_a_coordinate_is_missing_is_not_seen() -> None:
    points = np.zeros((8, 3))
    points[2, 1], points[5, 0] = np.nan, np.inf
    read = joints(body_skeleton(points))
    assert np.isnan(read).all(axis=1).tolist() == [number in (2, 5) for number in range(8)]


def test_what_is_no_skeleton_is_refused() -> None:
    with pytest.raises(InterfaceError, match="HandSkeleton has 8 joints, wanted 22"):
        joints(hand_skeleton(np.zeros((8, 3))))
    with pytest.raises(InterfaceError, match=r"A joint is 1e\+05 m away"):
        joints(hand_skeleton(np.full((22, 3), 1e5)))
