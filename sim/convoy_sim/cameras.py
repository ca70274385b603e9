"""Camera models: where a camera sits on the vehicle, and how it projects. Plain data, no rendering.

A camera's optical frame has z ahead, x to the right and y down (REP-103). Pixel (0, 0) is the middle of the upper left
pixel. The vehicle's frame is `base_link`: on the ground, x ahead, y to the left, z up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mounting:
    """Place of a camera on the vehicle, metres and radians: yaw to the left, pitch nose down, roll to the right.

    The default looks over the bonnet, slightly downwards; `base_link` is the middle of the rear axle.
    """

    x: float = 1.7
    y: float = 0.0
    z: float = 1.2
    yaw: float = 0.0
    pitch: float = 0.06
    roll: float = 0.0

    def optical_in_vehicle(self) -> Floats:
        """(4, 4) pose of the optical frame in the vehicle's."""
        pose = np.eye(4)
        pose[:3, :3] = rotation(self.yaw, self.pitch, self.roll) @ _OPTICAL
        pose[:3, 3] = self.x, self.y, self.z
        return pose


@dataclass(frozen=True)
class Pinhole:
    """A camera without distortion. `fx`, `fy`, `cx`, `cy` are in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    mounting: Mounting = field(default_factory=Mounting)
    baseline_m: float = 0.0
    """For the right camera of a stereo pair: how far it is to the right of the left one."""

    @classmethod
    def of_view(cls, width: int, height: int, degrees: float, mounting: Mounting | None = None) -> Pinhole:
        """A camera that sees so many degrees from its left edge to its right edge."""
        f = width / 2 / np.tan(np.radians(degrees) / 2)
        return cls(width, height, f, f, (width - 1) / 2, (height - 1) / 2, mounting or Mounting())

    def project(self, points: ArrayLike) -> Floats:
        """(N, 2) pixels of (N, 3) points in the optical frame; NaN for those that are not ahead."""
        x, y, z = np.asarray(points, dtype=np.float64).T
        z = np.where(z > 0, z, np.nan)
        return np.stack([self.fx * x / z + self.cx, self.fy * y / z + self.cy], axis=1)


@dataclass(frozen=True)
class Fisheye:
    """An equidistant fisheye: the distance from the principal point is `f` times the angle from the axis.

    It sees up to `max_angle` radians from its axis (at most 85 degrees); beyond, pictures are black.
    """

    width: int
    height: int
    f: float
    cx: float
    cy: float
    max_angle: float
    mounting: Mounting = field(default_factory=Mounting)

    @classmethod
    def of_view(cls, width: int, height: int, degrees: float = 160.0, mounting: Mounting | None = None) -> Fisheye:
        """A camera that sees so many degrees (at most 170) from its left edge to its right edge."""
        half = np.radians(min(degrees, 170.0)) / 2
        return cls(width, height, width / 2 / half, (width - 1) / 2, (height - 1) / 2, half, mounting or Mounting())

    def project(self, points: ArrayLike) -> Floats:
        """(N, 2) pixels of (N, 3) points in the optical frame; NaN for those beyond `max_angle`."""
        x, y, z = np.asarray(points, dtype=np.float64).T
        across = np.hypot(x, y)
        angle = np.arctan2(across, z)
        r = np.where(angle <= self.max_angle, self.f * angle, np.nan) / np.maximum(across, 1e-12)
        return np.stack([self.cx + r * x, self.cy + r * y], axis=1)

    def rays(self) -> Floats:
        """(height, width, 3) unit vector of every pixel in the optical frame."""
        u, v = np.meshgrid(np.arange(self.width) - self.cx, np.arange(self.height) - self.cy)
        radius = np.hypot(u, v)
        angle = radius / self.f
        across = np.sin(angle) / np.maximum(radius, 1e-12)
        return np.stack([u * across, v * across, np.cos(angle)], axis=-1)


CameraModel = Pinhole | Fisheye


@dataclass(frozen=True)
class CameraInfo:
    """What `sensor_msgs/CameraInfo` says of a camera: its size, distortion model, and D, K, R, P as tuples."""

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]


def camera_info(camera: CameraModel) -> CameraInfo:
    """The calibration of a camera: "plumb_bob" without distortion, or "equidistant"."""
    if isinstance(camera, Pinhole):
        fx, fy, shift, model, terms = camera.fx, camera.fy, -camera.fx * camera.baseline_m, "plumb_bob", 5
    else:
        fx, fy, shift, model, terms = camera.f, camera.f, 0.0, "equidistant", 4
    cx, cy = camera.cx, camera.cy
    return CameraInfo(
        width=camera.width,
        height=camera.height,
        distortion_model=model,
        d=(0.0,) * terms,
        k=(fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0),
        r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        p=(fx, 0.0, cx, shift, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


def stereo_pair(left: Pinhole, baseline_m: float) -> tuple[Pinhole, Pinhole]:
    """The camera itself, and its twin so far to its right, looking the same way."""
    pose = left.mounting.optical_in_vehicle()
    x, y, z = pose[:3, 3] + baseline_m * pose[:3, 0]
    mounting = replace(left.mounting, x=float(x), y=float(y), z=float(z))
    return left, replace(left, mounting=mounting, baseline_m=baseline_m)


def misaligned(
    camera: CameraModel, rng: np.random.Generator, degrees: float = 1.0, metres: float = 0.02
) -> CameraModel:
    """The camera as a careless hand mounts it: turned and moved by chance, with these deviations."""
    turn, shift = rng.normal(0, np.radians(degrees), 3), rng.normal(0, metres, 3)
    at = camera.mounting
    mounting = Mounting(
        *(float(v) for v in np.array([at.x, at.y, at.z]) + shift),
        *(float(v) for v in np.array([at.yaw, at.pitch, at.roll]) + turn),
    )
    return replace(camera, mounting=mounting)


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """(3, 3) turn about z, then y (positive: nose down), then x, of a frame with x ahead, y left, z up."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_z = np.array([(cy, -sy, 0), (sy, cy, 0), (0, 0, 1)])
    about_y = np.array([(cp, 0, sp), (0, 1, 0), (-sp, 0, cp)])
    about_x = np.array([(1, 0, 0), (0, cr, -sr), (0, sr, cr)])
    return about_z @ about_y @ about_x


# Columns: the optical frame's x, y and z in a frame with x ahead, y left, z up.
_OPTICAL = np.array([(0.0, 0.0, 1.0), (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)])
