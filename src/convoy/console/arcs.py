"""Where the wheels will roll: the path of a steering angle, as it shows in the camera's picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convoy.interfaces.camera_model import CameraModel

NEAR_M, POINTS = 1.5, 24
STRAIGHT = 1e-6
"""1/m, below which a path has no centre."""


@dataclass(frozen=True)
class View:
    """Where the camera is on the vehicle: m ahead of the rear axle, m above the ground, rad with the nose down."""

    ahead: float
    height: float
    pitch: float


def arc(camera: CameraModel, view: View, angle: float, wheelbase: float, track: float, far: float) -> list[list[float]]:
    """Return the strip of ground that the vehicle will roll over, as a polygon of pixels.

    The rear axle's middle goes along a circle of curvature tan(angle) / wheelbase (kinematic single-track model,
    Rajamani 2012, 2.2); the strip is `track` wide and begins `NEAR_M` and ends `far` metres ahead of the camera. Points
    that the lens doesn't show are left out. Coordinates are in parts of the picture's width and height.
    """
    curvature = math.tan(angle) / wheelbase
    s = np.geomspace(view.ahead + NEAR_M, view.ahead + far, POINTS)
    heading = curvature * s
    if abs(curvature) < STRAIGHT:
        x, y = s, np.zeros_like(s)
    else:
        x, y = np.sin(heading) / curvature, (1 - np.cos(heading)) / curvature
    sides = [
        _pixels(camera, view, x - side * np.sin(heading), y + side * np.cos(heading))
        for side in (track / 2, -track / 2)
    ]
    border = np.concatenate([sides[0], sides[1][::-1]])
    border = border[np.isfinite(border).all(axis=1)]
    return np.round((border + 0.5) / (camera.width, camera.height), 4).tolist()


def _pixels(camera: CameraModel, view: View, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project points of the ground, x ahead and y to the left of the rear axle."""
    ahead, down = x - view.ahead, np.full_like(x, view.height)
    cos, sin = math.cos(view.pitch), math.sin(view.pitch)
    # The optical frame looks `pitch` below the horizon: z along its axis, y down, x to the right (REP-103).
    return camera.project(np.stack([-y, down * cos - ahead * sin, ahead * cos + down * sin], axis=-1))
