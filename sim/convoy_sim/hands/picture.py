"""Draws a hand as a camera sees it: plain, but enough of a hand for a tracker to find it."""

from __future__ import annotations

import cv2
import numpy as np

_FINGERS = (2, 6, 10, 14, 18)
_KNUCKLES = [0, 3, *_FINGERS[1:]]
_SKIN = np.array([225.0, 180.0, 150.0])
_SHADOW, _FOREARM = 0.72, 0.97
_BACKGROUND = (150, 160, 150)
_THUMB_M, _FINGER_M, _PALM_M, _WRIST_M = 0.018, 0.016, 0.022, 0.052


def draw(joints: np.ndarray, focal: float, width: int, height: int) -> np.ndarray:
    """Return an rgb8 image, shape (height, width, 3), of a hand and its forearm.

    `joints`, shape (22, 3), are metres in the camera's optical frame, before the camera; `focal` is in pixels.
    """
    image = np.full((height, width, 3), _BACKGROUND, np.uint8)
    depth = joints[:, 2]
    pixels = focal * joints[:, :2] / depth[:, None] + [width / 2, height / 2]

    def line(start: np.ndarray, end: np.ndarray, metres: float, at: float, shade: float = 1.0) -> None:
        one, two = ([int(v) for v in np.clip(point, -4000, 4000)] for point in (start, end))
        cv2.line(image, one, two, (_SKIN * shade).tolist(), max(1, int(focal * metres / at)), cv2.LINE_AA)

    palm = cv2.convexHull(pixels[_KNUCKLES].astype(np.int32))
    cv2.fillConvexPoly(image, palm, _SKIN.tolist(), cv2.LINE_AA)
    cv2.polylines(image, [palm], True, _SKIN.tolist(), max(1, int(focal * _PALM_M / depth.mean())), cv2.LINE_AA)
    along = pixels[0] - pixels[10]
    line(pixels[0], pixels[0] + along / max(float(np.linalg.norm(along)), 1.0) * width, _WRIST_M, depth[0], _FOREARM)
    bones = [(base + part, base + part + 1) for base in _FINGERS for part in range(3)]
    for one, two in sorted(bones, key=lambda bone: -depth[list(bone)].mean()):  # the nearest is drawn last
        thick = _THUMB_M if one < _FINGERS[1] else _FINGER_M
        line(pixels[one], pixels[two], 1.25 * thick, depth[one], _SHADOW)
        line(pixels[one], pixels[two], thick, depth[one])
    return cv2.GaussianBlur(image, (5, 5), 0)
