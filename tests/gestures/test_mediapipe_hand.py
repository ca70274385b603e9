"""MediaPipe's landmarks become SHREC's and NATOPS's joints."""

from __future__ import annotations

import numpy as np

from convoy.gestures.mediapipe_hand import body_joints, hand_joints
from convoy.interfaces.skeletons import BODY_JOINTS, HAND_JOINTS

HAND = {"wrist": 0, "thumb_tip": 4, "index_base": 5, "middle_base": 9, "ring_first": 14, "little_tip": 20}
BODY = {"left_elbow": 13, "right_wrist": 16, "left_hand_tip": 19, "right_thumb": 22}


def test_hand_joints_are_where_their_names_say() -> None:
    landmarks = np.arange(63.0).reshape(21, 3)
    joints = hand_joints(landmarks)
    assert joints.shape == (22, 3)
    for name, number in HAND.items():
        assert (joints[HAND_JOINTS.index(name)] == landmarks[number]).all()
    assert (joints[HAND_JOINTS.index("palm")] == (landmarks[0] + landmarks[9]) / 2).all()


def test_body_joints_are_where_their_names_say() -> None:
    landmarks = np.arange(99.0).reshape(33, 3)
    joints = body_joints(np.stack([landmarks, landmarks + 1]))
    assert joints.shape == (2, 8, 3)
    for name, number in BODY.items():
        assert (joints[0, BODY_JOINTS.index(name)] == landmarks[number]).all()
