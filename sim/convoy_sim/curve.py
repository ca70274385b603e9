"""Plane curves as dense, evenly spaced samples: lanes, kerbs and footways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SAMPLE_STEP_M = 0.5


@dataclass(frozen=True, eq=False)
class Curve:
    """A plane curve, sampled every `step` metres of its length (about `SAMPLE_STEP_M`).

    Attributes:
        xy: (N, 2) points, metres.
        heading: (N,) radians from east, counter-clockwise, unwrapped.
        curvature: (N,) 1/m, positive where it bends to the left.
        step: metres between samples.
    """

    xy: Floats
    heading: Floats
    curvature: Floats
    step: float

    @property
    def length(self) -> float:
        """Metres."""
        return (len(self.xy) - 1) * self.step

    def at(self, s: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """x, y and heading at arc length `s` (scalar or array; clipped to the curve)."""
        u = np.clip(np.asarray(s, dtype=np.float64) / self.step, 0, len(self.xy) - 1)
        i = np.minimum(u.astype(np.intp), len(self.xy) - 2)
        w = u - i
        x, y = (self.xy[i, k] * (1 - w) + self.xy[i + 1, k] * w for k in (0, 1))
        return x, y, self.heading[i] * (1 - w) + self.heading[i + 1] * w

    def project(self, x: float, y: float) -> tuple[float, float]:
        """Arc length of the nearest point, and the signed distance from it (positive on the left).

        Beyond an end the arc length is negative or more than the length, along the end's tangent.
        """
        dx, dy = x - self.xy[:, 0], y - self.xy[:, 1]
        i = int(np.argmin(dx * dx + dy * dy))
        c, s = np.cos(self.heading[i]), np.sin(self.heading[i])
        return i * self.step + float(dx[i] * c + dy[i] * s), float(dy[i] * c - dx[i] * s)

    def offset(self, left: ArrayLike) -> Floats:
        """(N, 2) points beside the curve, `left` metres to its left (scalar or one per sample)."""
        normal = np.stack([-np.sin(self.heading), np.cos(self.heading)], axis=1)
        return self.xy + normal * np.broadcast_to(np.asarray(left, dtype=np.float64), len(self.xy))[:, None]


def curve_through(points: ArrayLike, smooth_m: float = 0.0) -> Curve:
    """Sample the curve through dense points evenly.

    `smooth_m` is the deviation of a Gaussian that eases bends in and out; the ends keep their place where they are
    straight for three deviations.
    """
    xy = _evenly(np.asarray(points, dtype=np.float64))
    if smooth_m > 0:
        half = max(1, round(3 * smooth_m / SAMPLE_STEP_M))
        kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * SAMPLE_STEP_M / smooth_m) ** 2)
        steps = np.arange(half, 0, -1)[:, None]
        before = xy[0] - steps * (xy[1] - xy[0])
        after = xy[-1] + steps[::-1] * (xy[-1] - xy[-2])
        padded = np.concatenate([before, xy, after])
        xy = _evenly(np.stack([np.convolve(padded[:, k], kernel / kernel.sum(), "valid") for k in (0, 1)], axis=1))
    step = float(np.hypot(*np.diff(xy, axis=0).T).mean())
    tangent = np.gradient(xy, axis=0, edge_order=2)
    heading = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
    return Curve(xy, heading, np.gradient(heading) / step, step)


def bezier(start: ArrayLike, heading: float, end: ArrayLike, end_heading: float, handle: float) -> Floats:
    """Dense points of the cubic Bezier curve between two poses; `handle` is the length of its end tangents, metres."""
    p0, p3 = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    p1, p2 = p0 + handle * direction(heading), p3 - handle * direction(end_heading)
    t = np.linspace(0, 1, max(8, int(np.hypot(*(p3 - p0)) * 5)))[:, None]
    return (1 - t) ** 3 * p0 + 3 * t * (1 - t) ** 2 * p1 + 3 * t**2 * (1 - t) * p2 + t**3 * p3


def gentlest_bezier(start: ArrayLike, heading: float, end: ArrayLike, end_heading: float) -> Floats:
    """The Bezier curve between two poses whose tightest bend is the widest."""
    chord = float(np.hypot(*(np.asarray(end) - np.asarray(start))))
    tries = [bezier(start, heading, end, end_heading, chord * part) for part in (0.3, 0.35, 0.4, 0.46, 0.55, 0.65)]
    return min(tries, key=lambda points: float(np.abs(curve_through(points).curvature).max()))


def direction(heading: float) -> Floats:
    """The unit vector of a heading."""
    return np.array([np.cos(heading), np.sin(heading)])


def wrap(angle: ArrayLike) -> Floats:
    """Angles in (-pi, pi]."""
    return -((np.pi - np.asarray(angle, dtype=np.float64)) % (2 * np.pi)) + np.pi


def _evenly(points: Floats) -> Floats:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    keep = np.concatenate([[True], np.diff(along) > 1e-9])
    points, along = points[keep], along[keep]
    s = np.linspace(0, along[-1], max(3, round(along[-1] / SAMPLE_STEP_M) + 1))
    return np.stack([np.interp(s, along, points[:, k]) for k in (0, 1)], axis=1)
