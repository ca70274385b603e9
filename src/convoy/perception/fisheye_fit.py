"""Fits a fisheye camera to views of a board, by damped least squares that views which do not fit can't lead astray.

OpenCV's own calibration of fisheyes takes full Gauss-Newton steps: one bad view among a dozen good ones makes it
diverge, and then nothing tells which view it was. The camera's derivatives are OpenCV's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy.perception.boards import View

Floats = NDArray[np.float64]

LENS = 8
"""fx, fy, cx, cy and four coefficients: the first columns of the derivatives; the six of the pose follow."""
_HUBER_PX = 1.0
"""Errors beyond this count by their size, no longer by its square (Huber 1964)."""
_MAX_STEPS = 100
_ENOUGH = 1e-9
"""Stop when a step improves the cost by less than this part of it."""


def fit_fisheye(views: Sequence[View], size: tuple[int, int]) -> tuple[Floats, Floats, list[Floats]]:
    """Return K (3, 3), D (4,), and each view's pose: rotation vector and translation, (6,).

    Starts from a lens that sees 180 degrees from corner to corner. Levenberg-Marquardt; the poses are eliminated from
    each step by the Schur complement.

    Raises:
        cv2.error: a view is so far from any board that it has no pose.
    """
    width, height = size
    f = math.hypot(width, height) / math.pi
    lens = np.array([f, f, (width - 1) / 2, (height - 1) / 2, 0.0, 0.0, 0.0, 0.0])
    poses = [_first_pose(view, lens) for view in views]
    damping, cost = 1e-3, _cost(views, lens, poses)
    for _ in range(_MAX_STEPS):
        new_lens, new_poses = _step(views, lens, poses, damping)
        new_cost = _cost(views, new_lens, new_poses)
        if not new_cost < cost:  # also where it is not a number
            damping *= 10
            if damping > 1e8:
                break
            continue
        gain = (cost - new_cost) / cost
        lens, poses, cost, damping = new_lens, new_poses, new_cost, damping / 5
        if gain < _ENOUGH:
            break
    return _matrix(lens), lens[4:], poses


def project(board: NDArray[np.float32], k: Floats, d: Floats, pose: Floats) -> tuple[Floats, Floats]:
    """Return where the camera shows points (N, 3) of a board, (N, 2), and the derivatives (2N, 14), see `LENS`."""
    points, jacobian = cv2.fisheye.projectPoints(board[None].astype(np.float64), pose[:3], pose[3:], k, d)
    return np.asarray(points, np.float64).reshape(-1, 2), np.asarray(jacobian, np.float64)[:, : LENS + 6]


def _matrix(lens: Floats) -> Floats:
    return np.array([[lens[0], 0, lens[2]], [0, lens[1], lens[3]], [0, 0, 1.0]])


def _first_pose(view: View, lens: Floats) -> Floats:
    plane = cv2.fisheye.undistortPoints(view.image[:, None].astype(np.float64), _matrix(lens), lens[4:])
    _, turn, shift = cv2.solvePnP(view.board, plane, np.eye(3), np.zeros(4))
    return np.concatenate([np.ravel(turn), np.ravel(shift)]).astype(np.float64)


def _errors(view: View, lens: Floats, pose: Floats) -> tuple[Floats, Floats, Floats]:
    """What is left of each coordinate, (2N,), its derivatives, and each one's weight."""
    points, jacobian = project(view.board, _matrix(lens), lens[4:], pose)
    left = view.image - points
    weights = 1 / np.maximum(np.linalg.norm(left, axis=1) / _HUBER_PX, 1)
    return left.ravel(), jacobian, np.repeat(weights, 2)


def _cost(views: Sequence[View], lens: Floats, poses: Sequence[Floats]) -> float:
    total = 0.0
    for view, pose in zip(views, poses, strict=True):
        left, _, weights = _errors(view, lens, pose)
        # Huber's cost, by its weights: e^2 within, 2 e - 1 beyond.
        total += float((weights * (2 - weights) * left**2).sum())
    return total


def _step(views: Sequence[View], lens: Floats, poses: Sequence[Floats], damping: float) -> tuple[Floats, list[Floats]]:
    normal, gradient, parts = np.zeros((LENS, LENS)), np.zeros(LENS), []
    for view, pose in zip(views, poses, strict=True):
        left, jacobian, weights = _errors(view, lens, pose)
        weighted = jacobian * weights[:, None]
        hessian, slope = weighted.T @ jacobian, weighted.T @ left
        hessian[np.diag_indices_from(hessian)] *= 1 + damping
        own, mixed = hessian[LENS:, LENS:], hessian[:LENS, LENS:]
        inverse = np.linalg.pinv(own)
        normal += hessian[:LENS, :LENS] - mixed @ inverse @ mixed.T
        gradient += slope[:LENS] - mixed @ inverse @ slope[LENS:]
        parts.append((inverse, mixed, slope[LENS:]))
    change = np.linalg.lstsq(normal, gradient)[0]
    moved = [
        pose + inverse @ (slope - mixed.T @ change) for pose, (inverse, mixed, slope) in zip(poses, parts, strict=True)
    ]
    return lens + change, moved
