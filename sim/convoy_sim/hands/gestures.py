"""The 14 gestures of SHREC'17, with one finger and with the whole hand, as movements of a kinematic hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convoy_sim.hands.score import Score, Style

GESTURES = (
    "grab",
    "tap",
    "expand",
    "pinch",
    "rotation_cw",
    "rotation_ccw",
    "swipe_right",
    "swipe_left",
    "swipe_up",
    "swipe_down",
    "swipe_x",
    "swipe_plus",
    "swipe_v",
    "shake",
)
"""In the order of SHREC'17, where they are numbered from 1."""

FINGER, HAND = 1, 2
"""The two ways to make each gesture, numbered as in SHREC'17."""

# Bend, curl and spread in rad of thumb, index, middle, ring and little finger.
_STRAIGHT_THUMB, _TUCKED_THUMB = (0.15, 0.1, 0.8), (0.7, 0.7, 0.35)
_CURLED = ((1.2, 1.4, 0.0), (1.25, 1.45, -0.03), (1.25, 1.4, -0.08))
OPEN = np.array([_STRAIGHT_THUMB, (0.05, 0.08, 0.12), (0.02, 0.08, 0.0), (0.05, 0.1, -0.1), (0.1, 0.12, -0.22)])
RELAXED = np.array([(0.35, 0.25, 0.55), (0.35, 0.45, 0.05), (0.42, 0.5, 0.0), (0.5, 0.55, -0.03), (0.55, 0.55, -0.08)])
FIST = np.array([(0.75, 0.8, 0.3), (1.2, 1.45, 0.02), *_CURLED])
POINT = np.array([_TUCKED_THUMB, (0.08, 0.1, 0.03), *_CURLED])
TWO_OPEN = np.array([_STRAIGHT_THUMB, (0.12, 0.12, 0.1), *_CURLED])
TWO_CLOSED = np.array([(0.7, 0.8, 0.35), (1.15, 1.4, 0.02), *_CURLED])
PINCH = np.array([(0.66, 0.42, 0.41), (0.95, 0.77, 0.0), *_CURLED])
BUNCH = np.array([(0.5, 0.23, -0.05), (0.62, 0.7, -0.35), (0.62, 0.92, -0.12), (0.57, 0.78, 0.3), (0.68, 0.3, 0.38)])


def start(gesture: str, way: int) -> np.ndarray:
    """Return the fingers' posture in which a gesture begins, shape (5, 3)."""
    if gesture == "expand":
        return PINCH if way == FINGER else BUNCH
    if gesture in ("grab", "pinch"):
        return TWO_OPEN if way == FINGER else OPEN
    return POINT if way == FINGER else OPEN


def perform(score: Score, gesture: str, way: int) -> None:
    """Go on with the movement of a gesture, from the posture it starts in."""
    _MOVEMENTS[gesture](score, score.style, way)


def _grab(score: Score, style: Style, way: int) -> None:
    pull = np.array([0.0, -0.02, 0.05]) * style.amplitude
    score.go(0.5, by=pull, fingers=TWO_CLOSED if way == FINGER else FIST)


def _expand(score: Score, style: Style, way: int) -> None:
    score.go(0.5, fingers=TWO_OPEN if way == FINGER else OPEN)


def _pinch(score: Score, style: Style, way: int) -> None:
    score.go(0.55, fingers=PINCH if way == FINGER else BUNCH)


def _tap(score: Score, style: Style, way: int) -> None:
    if way == FINGER:
        bent = POINT.copy()
        bent[1, :2] += (0.75 * style.amplitude, 0.25)
        down: dict[str, Any] = {"by": np.array([0.0, -0.015, -0.01]), "pitch": 0.15, "fingers": bent}
        up: dict[str, Any] = {"by": np.array([0.0, 0.015, 0.01]), "pitch": -0.15, "fingers": POINT}
    else:
        dip = np.array([0.0, -0.05, -0.03]) * style.amplitude
        down, up = {"by": dip, "pitch": 0.5 * style.amplitude}, {"by": -dip, "pitch": -0.5 * style.amplitude}
    score.go(0.28, **down)
    score.go(0.28, **up)


def _rotation(score: Score, style: Style, way: int, sign: float) -> None:
    score.go(0.7, by=np.array([0.015 * sign, 0.0, 0.0]), roll=sign * 1.5 * style.amplitude**0.5)


def _swipe(score: Score, style: Style, way: int, towards: tuple[float, float], seconds: float = 0.45) -> None:
    """Draw one straight stroke in the user's view: `towards` the right and up, in units of 24 cm."""
    right, up = np.array(towards) * style.amplitude
    score.go(
        seconds,
        by=np.array([0.24 * right, 0.24 * up, 0.0]),
        yaw=-1.1 * style.wrist * right,
        pitch=-0.8 * style.wrist * up,
        bow=style.bow,
    )


def _swipe_x(score: Score, style: Style, way: int) -> None:
    _swipe(score, style, way, (0.75, -0.75))
    _swipe(score, style, way, (0.0, 0.75), 0.35)
    _swipe(score, style, way, (-0.75, -0.75))


def _swipe_plus(score: Score, style: Style, way: int) -> None:
    _swipe(score, style, way, (0.0, -0.9))
    _swipe(score, style, way, (-0.45, 0.45), 0.35)
    _swipe(score, style, way, (0.9, 0.0))


def _swipe_v(score: Score, style: Style, way: int) -> None:
    _swipe(score, style, way, (0.42, -0.85))
    _swipe(score, style, way, (0.42, 0.85))


def _shake(score: Score, style: Style, way: int) -> None:
    side = 1.0 if score.random.random() < 0.5 else -1.0
    reach = np.array([0.035 * style.amplitude, 0.0, 0.0])
    swing = 0.45 * style.amplitude
    score.go(0.13, by=reach * side, yaw=-swing * side, tilt=-0.3 * swing * side)
    for _ in range(int(score.random.integers(4, 7))):
        side = -side
        score.go(0.2, by=2 * reach * side, yaw=-2 * swing * side, tilt=-0.6 * swing * side)
    score.go(0.13, by=-reach * side, yaw=swing * side, tilt=0.3 * swing * side)


_MOVEMENTS: dict[str, Callable[[Score, Style, int], None]] = {
    "grab": _grab,
    "tap": _tap,
    "expand": _expand,
    "pinch": _pinch,
    "rotation_cw": lambda score, style, way: _rotation(score, style, way, 1.0),
    "rotation_ccw": lambda score, style, way: _rotation(score, style, way, -1.0),
    "swipe_right": lambda score, style, way: _swipe(score, style, way, (1.0, 0.0)),
    "swipe_left": lambda score, style, way: _swipe(score, style, way, (-1.0, 0.0)),
    "swipe_up": lambda score, style, way: _swipe(score, style, way, (0.0, 1.0)),
    "swipe_down": lambda score, style, way: _swipe(score, style, way, (0.0, -1.0)),
    "swipe_x": _swipe_x,
    "swipe_plus": _swipe_plus,
    "swipe_v": _swipe_v,
    "shake": _shake,
}
