"""The cylindrical view of a calibrated camera: alike for every camera, and wide without the stretched edges of a plane.

A step of `convoy.inference`, since a model's card may ask for it; the component `rectifier` does the same on a topic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from convoy import tracing
from convoy.interfaces.camera_model import CameraInfoError, CameraModel

Floats = NDArray[np.float64]

_ROUNDING = 1e-6
"""Pixels by which a sample at the image's very edge may seem beyond it."""

_MAX_SAMPLES = 8
"""Per pixel and axis, of the image halved; more would cost time, and gain little at the edge of an extreme view."""


@dataclass(frozen=True)
class CylindricalView:
    """What is seen on a cylinder around the camera, whose axis is the camera's own vertical (y of the optical frame).

    Columns are spaced evenly by the angle around the axis, the optical axis in their middle; rows evenly by height on
    the cylinder, the tangent of the elevation. The default has nearly square pixels, and looks at the road.
    """

    width: int = 200
    height: int = 66
    horizontal_fov: float = math.radians(120)
    """rad, from the image's left edge to its right edge."""
    top: float = 0.15
    """rad, elevation of the image's upper edge above the optical axis."""
    bottom: float = -0.5
    """rad, elevation of the lower edge, negative below the optical axis."""

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0 and 0 < self.horizontal_fov <= 2 * math.pi):
            raise ValueError(f"no image of {self.width}x{self.height} spans {self.horizontal_fov} rad")
        if not -math.pi / 2 < self.bottom < self.top < math.pi / 2:
            raise ValueError(f"'bottom' must be below 'top', found {self.bottom} rad and {self.top} rad")

    @property
    def intrinsics(self) -> tuple[float, float, float, float]:
        """fx in px/rad, fy in px, cx and cy in px: column = fx * azimuth + cx, row = cy - fy * tan(elevation)."""
        fy = self.height / (math.tan(self.top) - math.tan(self.bottom))
        return self.width / self.horizontal_fov, fy, (self.width - 1) / 2, fy * math.tan(self.top) - 0.5

    def project(self, points: ArrayLike) -> Floats:
        """Return the (..., 2) pixels of (..., 3) points in the optical frame; they may lie beyond the image's edge."""
        x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
        fx, fy, cx, cy = self.intrinsics
        return np.stack([fx * np.arctan2(x, z) + cx, fy * y / np.hypot(x, z) + cy], axis=-1)

    def rays(self, columns: ArrayLike, rows: ArrayLike) -> Floats:
        """Return where pixels at `columns` and `rows` lie on the cylinder of radius 1: (..., 3), optical frame."""
        fx, fy, cx, cy = self.intrinsics
        azimuth = (np.asarray(columns, dtype=np.float64) - cx) / fx
        height = (np.asarray(rows, dtype=np.float64) - cy) / fy
        return np.stack(np.broadcast_arrays(np.sin(azimuth), height, np.cos(azimuth)), axis=-1)


class CylindricalProjection:
    """Turns images of one camera into a cylindrical view, by a map that is computed once.

    Where the view has fewer pixels than the image, that is halved, and each pixel is the mean of several samples, so
    that fine structure does not flicker. What the camera does not see is black.

    Args:
        camera: of the images, in their size; see `CameraModel.of_size`.
        view: what is wanted.

    Raises:
        CameraInfoError: the camera sees nothing of the view.
    """

    seen: NDArray[np.bool_]
    """(height, width): which pixels of the view the camera sees."""

    def __init__(self, camera: CameraModel, view: CylindricalView) -> None:
        self.camera = camera
        self.view = view
        self._halvings, across, down = _thinning(camera, view)
        halved = camera.of_size(camera.width >> self._halvings, camera.height >> self._halvings)
        at = halved.project(_grid(view, across, down))
        inside = _within(halved, at)
        # A pixel is seen when all its samples are: one that is partly black would show an edge where there is none.
        self.seen = np.asarray(inside.reshape(view.height, down, view.width, across).all(axis=(1, 3)))
        if not self.seen.any():
            raise CameraInfoError(
                f"The camera, {camera.distortion_model} of {camera.width}x{camera.height}, sees nothing of the view of "
                f"{math.degrees(view.horizontal_fov):.0f} degrees, from {math.degrees(view.bottom):.0f} to "
                f"{math.degrees(view.top):.0f} degrees of elevation."
            )
        self._hidden = None if self.seen.all() else ~self.seen
        u, v = np.moveaxis(np.where(inside[..., None], at, 0.0).astype(np.float32), -1, 0)
        self._whole, self._fraction = cv2.convertMaps(u, v, cv2.CV_16SC2)

    @property
    def covered(self) -> float:
        """Which part of the view the camera sees, 0 to 1."""
        return float(self.seen.mean())

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return the view, (height, width) or (height, width, C), of an image of the camera's size, uint8.

        Raises:
            CameraInfoError: the image is of another size.
        """
        height, width = pixels.shape[:2]
        if (width, height) != (self.camera.width, self.camera.height):
            raise CameraInfoError(
                f"An image of {width}x{height} was given to a projection of {self.camera.width}x{self.camera.height}."
            )
        with tracing.stage("projection"):
            for _ in range(self._halvings):
                width, height = width // 2, height // 2
                pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
            # Half a pixel at the image's edge has no neighbour; it is continued, not faded to black.
            view = cv2.remap(pixels, self._whole, self._fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            view = cv2.resize(view, (self.view.width, self.view.height), interpolation=cv2.INTER_AREA)
            if self._hidden is not None:
                view[self._hidden] = 0
        return view


class Projector:
    """Projects the images of a camera as its ``camera_info`` says, which may change, and the images' size with it.

    Attributes:
        view: what is wanted.
        camera: the calibration heard last; None before, and after one that can't be used.
        projection: the one used last.
    """

    camera: CameraModel | None = None
    projection: CylindricalProjection | None = None

    def __init__(self, view: CylindricalView) -> None:
        self.view = view

    def calibrate(self, camera_info: Any) -> None:
        """Take a ``sensor_msgs/CameraInfo`` over.

        Raises:
            CameraInfoError: it can't be used; see `CameraModel.read`. There is no calibration then.
        """
        self.camera = None
        self.camera = CameraModel.read(camera_info)

    def project(self, pixels: np.ndarray) -> np.ndarray:
        """Return the view of an image, (H, W) or (H, W, C), uint8.

        Raises:
            CameraInfoError: there is no calibration, it does not fit the image, or the camera sees nothing of the view.
        """
        if self.camera is None:
            raise CameraInfoError("There is no calibration of the camera yet; wanted a camera_info.")
        camera = self.camera.of_size(pixels.shape[1], pixels.shape[0])
        if self.projection is None or (self.projection.camera, self.projection.view) != (camera, self.view):
            self.projection = CylindricalProjection(camera, self.view)
        return self.projection(pixels)

    @property
    def sees_all(self) -> bool:
        """Whether the camera is calibrated and, as far as its images have shown, sees the whole view."""
        return self.camera is not None and (self.projection is None or self.projection.covered == 1.0)

    def describe(self) -> str:
        """Say in a few words how far it is."""
        if self.camera is None:
            return "waiting for the camera_info of a calibrated camera; nothing comes out until then"
        if self.projection is None:
            return f"calibrated: {self.camera.distortion_model}"
        camera = self.projection.camera
        return (
            f"the camera, {camera.distortion_model} of {camera.width}x{camera.height}, sees "
            f"{100 * self.projection.covered:.1f} % of the view"
        )


def _grid(view: CylindricalView, across: int = 1, down: int = 1) -> Floats:
    """Directions of so many samples in each pixel, spread evenly: (height * down, width * across, 3)."""
    columns = (np.arange(view.width * across) + 0.5) / across - 0.5
    rows = (np.arange(view.height * down) + 0.5) / down - 0.5
    return view.rays(columns[None, :], rows[:, None])


def _thinning(camera: CameraModel, view: CylindricalView) -> tuple[int, int, int]:
    """How often the image is halved first, and how many samples a pixel then takes, across and down.

    Nowhere is it halved to less than the view shows; then samples lie at most one and a half pixels apart, mostly.
    """
    at = camera.project(_grid(view))
    at[~_within(camera, at)] = np.nan
    steps = [np.linalg.norm(np.diff(at, axis=axis), axis=-1) for axis in (1, 0)]
    steps = [step[np.isfinite(step)] for step in steps]
    if not (steps[0].size and steps[1].size):
        return 0, 1, 1
    halvings = int(math.log2(max(min(np.percentile(step, 10) for step in steps), 1.0)))
    across, down = (round(float(np.percentile(step, 90)) / 2**halvings) for step in steps)
    return halvings, min(max(across, 1), _MAX_SAMPLES), min(max(down, 1), _MAX_SAMPLES)


def _within(camera: CameraModel, pixels: Floats) -> NDArray[np.bool_]:
    """Tell which pixels lie within the image, up to its edge, half a pixel beyond the middle of the outermost ones."""
    with np.errstate(invalid="ignore"):
        edge = np.array([camera.width, camera.height]) - 0.5
        return np.asarray(((pixels > -0.5 - _ROUNDING) & (pixels < edge + _ROUNDING)).all(axis=-1))
