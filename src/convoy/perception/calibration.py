"""Intrinsic calibration of a camera from views of a board (Zhang 2000; fisheye: Kannala and Brandt 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy.interfaces.messages import CameraInfo, make
from convoy.perception.boards import CalibrationError, View
from convoy.perception.fisheye_fit import fit_fisheye, project

Floats = NDArray[np.float64]
LensModel = Literal["pinhole", "fisheye"]

MIN_VIEWS = 5
"""Views below this number leave too little to tell a good one from a bad one."""
OUTLIER_FACTOR = 3.0
OUTLIER_PX = 0.5
"""A view is dropped whose error is both so many times the median and so many pixels."""
NOVEL = 0.02
"""A view is a new one when its corners moved by this part of the image's diagonal, in the mean."""
CORNER_NOISE_PX = 0.2
"""Corners are known no better than this, however small the error that is left: the lens's model has errors too."""
MAX_FOCAL_DEVIATION = 0.01
"""Standard deviation of a focal length, as part of it, up to which the views are taken to determine it."""

_ADVICE = "near and far, in every corner of the picture, and tilted by 20 to 45 degrees to all sides"


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibrated camera, and how well the views fit it."""

    info: Any
    """``sensor_msgs/CameraInfo``: plumb_bob or equidistant. P is the pinhole that `undistort` shows."""
    error_px: float
    """Root mean square of the distance from the corners found to where the model puts them."""
    view_errors_px: dict[str, float]
    """The same by view, of those that were used."""
    dropped_px: dict[str, float]
    """The same of those that were dropped, when they were."""
    deviations: tuple[float, float, float, float]
    """Standard deviations of fx, fy, cx and cy in pixels, as the views determine them."""
    covered: float
    """Part of the image, 0 to 1, within the outline of all corners: beyond it the distortion is a guess."""


@dataclass(frozen=True, eq=False)
class _Fit:
    k: Floats
    d: Floats
    poses: Sequence[Floats]
    """Of each view, rotation vector and translation, (6,)."""


def is_new(view: View, others: Sequence[View], size: tuple[int, int]) -> bool:
    """Tell whether a view shows the board elsewhere than all others; `size` is the image's width and height."""
    least = NOVEL * float(np.hypot(*size))
    return all(_moved(view, other) >= least for other in others)


def _moved(view: View, other: View) -> float:
    """Mean distance in pixels of the corners that both show; infinite when they share none."""
    if len(view.board) == len(other.board) and (view.board == other.board).all():
        return float(np.linalg.norm(view.image - other.image, axis=1).mean())
    there = {tuple(corner): pixel for corner, pixel in zip(other.board.tolist(), other.image, strict=True)}
    moves = [
        np.linalg.norm(pixel - there[tuple(corner)])
        for corner, pixel in zip(view.board.tolist(), view.image, strict=True)
        if tuple(corner) in there
    ]
    return float(np.mean(moves)) if moves else float("inf")


def calibrate(views: Sequence[View], size: tuple[int, int], model: LensModel) -> Calibration:
    """Find the camera that fits the views best; those that do not fit it are dropped. `size` is width, height.

    Raises:
        CalibrationError: there are too few views, too few of them fit, or they do not determine the camera.
    """
    if len(views) < MIN_VIEWS:
        raise CalibrationError(
            f"The board was found in {len(views)} different views; wanted {MIN_VIEWS} at least, better 20: {_ADVICE}."
        )
    kept, dropped = list(views), dict[str, float]()
    while True:
        fit = _fit(kept, size, model)
        residuals = [_residuals(view, fit, index, model) for index, view in enumerate(kept)]
        errors = np.array([_rms(residual) for residual in residuals])
        bad = errors > max(OUTLIER_FACTOR * float(np.median(errors)), OUTLIER_PX)
        if not bad.any():
            break
        dropped |= {kept[index].name: float(errors[index]) for index in np.flatnonzero(bad)}
        kept = [view for view, is_bad in zip(kept, bad, strict=True) if not is_bad]
        if len(kept) < MIN_VIEWS:
            raise CalibrationError(
                f"Only {len(kept)} of {len(views)} views fit one {model} camera; wanted {MIN_VIEWS} at least. "
                "Is the board flat, and the model of the lens the right one?"
            )
    error = _rms(np.concatenate(residuals))
    deviations = _deviations(kept, fit, model, max(error, CORNER_NOISE_PX))
    worst = max(deviations[0] / fit.k[0, 0], deviations[1] / fit.k[1, 1])
    if not worst <= MAX_FOCAL_DEVIATION:
        spread = f"give or take {100 * worst:.0f} %" if worst < 1 else "or anything else"
        raise CalibrationError(
            f"The views do not determine the focal length ({fit.k[0, 0]:.0f} pixels, {spread}): they are too much "
            f"alike. Take more: {_ADVICE}."
        )
    return Calibration(
        info=_camera_info(fit, size, model),
        error_px=error,
        view_errors_px={view.name: float(value) for view, value in zip(kept, errors, strict=True)},
        dropped_px=dropped,
        deviations=deviations,
        covered=_covered(kept, size),
    )


def undistort(pixels: np.ndarray, info: Any) -> np.ndarray:
    """Return an image of the calibrated camera without its distortion, as the pinhole P of its ``camera_info``."""
    k, d, p = info.k.reshape(3, 3), info.d, info.p.reshape(3, 4)[:, :3]
    size = info.width, info.height
    if info.distortion_model == "equidistant":
        across, down = cv2.fisheye.initUndistortRectifyMap(k, d, np.eye(3), p, size, cv2.CV_32FC1)
    else:
        across, down = cv2.initUndistortRectifyMap(k, d, np.eye(3), p, size, cv2.CV_32FC1)
    return cv2.remap(pixels, across, down, cv2.INTER_LINEAR)


def _fit(views: Sequence[View], size: tuple[int, int], model: LensModel) -> _Fit:
    try:
        if model == "fisheye":
            return _Fit(*fit_fisheye(views, size))
        boards, images = [view.board[None] for view in views], [view.image[None] for view in views]
        _, k, d, turns, shifts = cv2.calibrateCamera(boards, images, size, np.eye(3), np.zeros(5))
    except (cv2.error, np.linalg.LinAlgError) as error:
        reason = error.err if isinstance(error, cv2.error) else error
        raise CalibrationError(
            f"No {model} camera fits the {len(views)} views ({reason}); take others: {_ADVICE}."
        ) from None
    poses = [np.concatenate([np.ravel(turn), np.ravel(shift)]) for turn, shift in zip(turns, shifts, strict=True)]
    return _Fit(np.asarray(k, np.float64), np.asarray(d, np.float64).ravel(), poses)


def _project(view: View, fit: _Fit, index: int, model: LensModel) -> tuple[Floats, Floats]:
    """The view's corners where the model puts them, (N, 2), and the derivatives: (2N, lens and 6 of pose)."""
    pose = fit.poses[index]
    if model == "fisheye":
        return project(view.board, fit.k, fit.d, pose)
    points, jacobian = cv2.projectPoints(view.board, pose[:3], pose[3:], fit.k, fit.d)
    # OpenCV has the pose first, then f, c and five coefficients.
    return np.asarray(points, np.float64).reshape(-1, 2), np.roll(np.asarray(jacobian)[:, :15], -6, axis=1)


def _residuals(view: View, fit: _Fit, index: int, model: LensModel) -> Floats:
    return np.asarray(view.image - _project(view, fit, index, model)[0])


def _rms(residuals: Floats) -> float:
    return float(np.sqrt((residuals**2).sum(axis=1).mean()))


def _deviations(
    views: Sequence[View], fit: _Fit, model: LensModel, noise_px: float
) -> tuple[float, float, float, float]:
    """Standard deviations of fx, fy, cx, cy, each view's pose being unknown as well (Schur complement)."""
    count = 4 + fit.d.size
    information = np.zeros((count, count))
    for index, view in enumerate(views):
        jacobian = _project(view, fit, index, model)[1]
        lens, pose = jacobian[:, :count], jacobian[:, count:]
        shared = pose.T @ lens
        information += lens.T @ lens - shared.T @ np.linalg.pinv(pose.T @ pose) @ shared
    # Coefficients are numbers of another size than pixels: scaled, so that what is singular shows.
    scale = np.sqrt(np.maximum(np.diag(information), 1e-12))
    try:
        covariance = np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale)
    except np.linalg.LinAlgError:
        return (np.inf,) * 4
    variances = np.diag(covariance)[:4]
    fx, fy, cx, cy = np.where(variances > 0, noise_px * np.sqrt(np.abs(variances)), np.inf).tolist()
    return fx, fy, cx, cy


def _covered(views: Sequence[View], size: tuple[int, int]) -> float:
    outline = cv2.convexHull(np.concatenate([view.image for view in views]))
    return min(cv2.contourArea(outline) / (size[0] * size[1]), 1.0)


def _camera_info(fit: _Fit, size: tuple[int, int], model: LensModel) -> Any:
    name, p = "equidistant", fit.k  # as large in the middle as the image; what a plane can't show is cut off
    if model == "pinhole":
        name, p = "plumb_bob", np.asarray(cv2.getOptimalNewCameraMatrix(fit.k, fit.d, size, 0.0)[0], np.float64)
    return make(
        CameraInfo,
        width=size[0],
        height=size[1],
        distortion_model=name,
        d=fit.d,
        k=fit.k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([p, np.zeros((3, 1))]).ravel(),
    )
