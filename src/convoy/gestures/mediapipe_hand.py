"""From MediaPipe's landmarks to the joints of SHREC'17 and NATOPS."""

from __future__ import annotations

import numpy as np

LANDMARKS = 21
"""MediaPipe's hand: wrist, then four landmarks each of thumb, index, middle, ring and little finger."""
POSE_LANDMARKS = 33

_MIDDLE_BASE = 9
_BODY = (19, 20, 13, 14, 15, 16, 21, 22)
"""Of MediaPipe's pose: index fingers, elbows, wrists and thumbs, left before right."""


def hand_joints(landmarks: np.ndarray) -> np.ndarray:
    """Return SHREC's 22 joints, shape (..., 22, 3), of MediaPipe's 21 landmarks, shape (..., 21, 3).

    The wrist is MediaPipe's wrist, and each finger's four joints are its four landmarks. The palm, which MediaPipe
    does not have, is put halfway between the wrist and the base of the middle finger.
    """
    wrist = landmarks[..., :1, :]
    palm = (wrist + landmarks[..., _MIDDLE_BASE : _MIDDLE_BASE + 1, :]) / 2
    return np.concatenate([wrist, palm, landmarks[..., 1:, :]], axis=-2)


def body_joints(landmarks: np.ndarray) -> np.ndarray:
    """Return NATOPS's eight joints, shape (..., 8, 3), of MediaPipe's 33 pose landmarks, shape (..., 33, 3).

    The tip of the hand is MediaPipe's index finger.
    """
    return landmarks[..., list(_BODY), :]
