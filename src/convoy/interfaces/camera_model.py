"""How a calibrated camera projects: what ``sensor_msgs/CameraInfo`` says, as a function from points to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray

from convoy.interfaces.messages import InterfaceError

Floats = NDArray[np.float64]

COEFFICIENTS: Final = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
"""How many numbers D holds, by the distortion models of sensor_msgs/distortion_models.hpp."""


class CameraInfoError(InterfaceError):
    """A camera's calibration is missing, contradicts itself or the image, or is of a kind that convoy does not read."""


@dataclass(frozen=True)
class CameraModel:
    """A pinhole camera with distortion, or a fisheye (Kannala and Brandt 2006, four coefficients).

    Pixel (0, 0) is the middle of the upper left pixel; points are in the optical frame: z ahead, x to the right, y down
    (REP-103). The camera is the one that took the raw image: R and P of its ``camera_info`` are not looked at.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion_model: str
    """One of `COEFFICIENTS`."""
    d: tuple[float, ...]

    @classmethod
    def read(cls, info: Any) -> CameraModel:
        """Read a ``sensor_msgs/CameraInfo``; of a region of interest, the camera is what that shows, unbinned.

        Raises:
            CameraInfoError: the camera is not calibrated, its distortion model is not known or has another number of
                coefficients, or a value makes no sense.
        """
        fx, fy, cx, cy = (float(info.k[index]) for index in (0, 4, 2, 5))
        if fx == 0:
            raise CameraInfoError(
                "The camera is not calibrated: K[0] of its camera_info is 0. `convoy calibrate camera` calibrates it."
            )
        wanted = COEFFICIENTS.get(info.distortion_model)
        if wanted is None:
            raise CameraInfoError(
                f"Distortion model {info.distortion_model!r} is not known; convoy reads {', '.join(COEFFICIENTS)}."
            )
        if len(info.d) != wanted:
            raise CameraInfoError(f"D holds {len(info.d)} coefficients; {info.distortion_model!r} has {wanted}.")
        d = tuple(float(value) for value in info.d)
        if not all(map(math.isfinite, (fx, fy, cx, cy, *d))) or min(fx, fy) <= 0:
            raise CameraInfoError(f"K and D of the camera_info make no camera: K {list(info.k)}, D {list(info.d)}.")
        if info.width == 0 or info.height == 0:
            raise CameraInfoError(f"The camera_info says that images are {info.width}x{info.height}.")
        whole = cls(info.width, info.height, fx, fy, cx, cy, info.distortion_model, d)
        roi = info.roi
        if not (roi.width and roi.height):
            return whole
        return replace(whole, width=roi.width, height=roi.height, cx=cx - roi.x_offset, cy=cy - roi.y_offset)

    def of_size(self, width: int, height: int) -> CameraModel:
        """Return the camera whose images are shrunk (or binned) or enlarged to this size, whole and in their aspect.

        Raises:
            CameraInfoError: the aspect is another one, so that it is not known which part of the image is shown.
        """
        if (width, height) == (self.width, self.height):
            return self
        x, y = width / self.width, height / self.height
        if abs(self.height * x - height) >= 1 and abs(self.width * y - width) >= 1:
            raise CameraInfoError(
                f"The image is {width}x{height}, but its camera_info is of {self.width}x{self.height}; "
                "wanted that size, or another in the same aspect."
            )
        # Pixels have their middle at whole numbers, so that the image's edge is at -1/2.
        cx, cy = (self.cx + 0.5) * x - 0.5, (self.cy + 0.5) * y - 0.5
        return replace(self, width=width, height=height, fx=self.fx * x, fy=self.fy * y, cx=cx, cy=cy)

    def project(self, points: ArrayLike) -> Floats:
        """Return the (..., 2) pixels of (..., 3) points; NaN for those that the lens can't show.

        A pixel may lie beyond the image's edge. A point is not shown when it is behind a pinhole, or so far from the
        axis that the distortion's polynomial folds back (where it stops growing, it is no longer a lens).
        """
        x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
        across = np.hypot(x, y)
        with np.errstate(divide="ignore", invalid="ignore"):
            tangent = np.where(z > 0, across / z, np.nan)
            r = np.arctan2(across, z) if self.distortion_model == "equidistant" else tangent
            r = np.where(r <= self._reach(), r, np.nan)
            x, y = (np.where(across > 0, value / across, 0.0) for value in (x, y))
        numerator, denominator = self._radial()
        distorted = r * numerator(r**2) / denominator(r**2)
        tangential_x, tangential_y = self._tangential(x * r, y * r)
        u = self.fx * (distorted * x + tangential_x) + self.cx
        v = self.fy * (distorted * y + tangential_y) + self.cy
        return np.stack([u, v], axis=-1)

    def _radial(self) -> tuple[Polynomial, Polynomial]:
        """How the distance from the axis is stretched, as polynomials of its square: the tangent's, or the angle's."""
        if self.distortion_model == "equidistant":
            return Polynomial([1.0, *self.d]), Polynomial([1.0])
        return Polynomial([1.0, *self.d[:2], self.d[4]]), Polynomial([1.0, *self.d[5:]])

    def _tangential(self, x: Floats, y: Floats) -> tuple[Floats | float, Floats | float]:
        if self.distortion_model == "equidistant":
            return 0.0, 0.0
        p1, p2 = self.d[2:4]
        square = x**2 + y**2
        return 2 * p1 * x * y + p2 * (square + 2 * x**2), p1 * (square + 2 * y**2) + 2 * p2 * x * y

    def _reach(self) -> float:
        """Greatest distance from the axis, as a tangent or an angle, up to which the distorted one grows with it."""
        n, d = self._radial()
        square = Polynomial([0.0, 1.0])
        growth = (n + 2 * square * n.deriv()) * d - 2 * square * n * d.deriv()
        roots = np.concatenate([growth.trim().roots(), d.trim().roots()])
        folds = roots.real[(abs(roots.imag) < 1e-9) & (roots.real > 0)]
        return math.sqrt(folds.min()) if folds.size else math.inf
