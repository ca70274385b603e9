"""Steering arcs lie on the ground, where the wheels will roll."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convoy.console.arcs import View, arc
from convoy.interfaces.camera_model import CameraModel

CAMERA = CameraModel(320, 160, 134.0, 134.0, 159.5, 79.5, "plumb_bob", (0.0,) * 5)
VIEW = View(ahead=1.7, height=1.2, pitch=0.0)


def strip(angle: float, view: View = VIEW) -> np.ndarray:
    return np.array(arc(CAMERA, view, angle, wheelbase=2.6, track=1.6, far=20.0))


def test_straight_ahead_is_symmetric_and_ends_where_the_ground_is_that_far() -> None:
    points = strip(0.0)
    assert points[:, 0].mean() == pytest.approx(0.5, abs=1e-3)
    # 20 m ahead, 1.2 m below: 134 px * 1.2 / 20 under the horizon.
    assert points[:, 1].min() == pytest.approx((79.5 + 134 * 1.2 / 20 + 0.5) / 160, abs=1e-3)
    half = len(points) // 2
    left, right = points[half - 1], points[half]
    assert (right - left)[0] * 320 == pytest.approx(134 * 1.6 / 20, abs=0.1)


def test_left_is_positive_and_the_turn_is_that_of_the_wheels() -> None:
    half = len(strip(0.0)) // 2
    left, right = strip(0.1)[half - 1], strip(-0.1)[half - 1]
    assert left[0] < 0.5 < right[0]
    curvature, s = math.tan(0.1) / 2.6, 21.7
    x, y = math.sin(curvature * s) / curvature, (1 - math.cos(curvature * s)) / curvature
    middle = strip(0.1)[half - 1 : half + 1].mean(axis=0)
    assert middle[0] * 320 - 0.5 == pytest.approx(159.5 - 134 * y / (x - 1.7), abs=1.5)


def test_a_nose_that_points_down_brings_the_ground_up() -> None:
    assert strip(0.0, View(1.7, 1.2, 0.1))[:, 1].min() < strip(0.0)[:, 1].min()
