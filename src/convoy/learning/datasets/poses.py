"""Poses of cameras, and the files that hold them: TUM trajectories, and 4x4 matrices as 7-Scenes has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from convoy.learning.datasets.sample import Array
from convoy.learning.errors import LearningError

UNIT_WITHIN = 0.01
"""Rounding leaves quaternions and rotations this near to a unit; what is farther off is none."""


def pose_of_matrix(matrix: Array) -> Array:
    """(7,) x y z qx qy qz qw, with qw >= 0, of a (4, 4) pose (Bar-Itzhack 2000)."""
    (a, b, c), (d, e, f), (g, h, i) = matrix[:3, :3].tolist()
    k = [(a - e - i, 0, 0, 0), (b + d, e - a - i, 0, 0), (c + g, f + h, i - a - e, 0), (h - f, c - g, d - b, a + e + i)]
    quaternion = np.linalg.eigh(np.array(k))[1][:, -1]  # reads the lower triangle
    return np.concatenate([matrix[:3, 3], quaternion * (-1.0 if quaternion[3] < 0 else 1.0)])


def matrix_of_pose(pose: ArrayLike) -> Array:
    """(4, 4) of (7,) x y z qx qy qz qw."""
    t, (x, y, z, w) = np.asarray(pose, np.float64)[:3], np.asarray(pose, np.float64)[3:]
    matrix = np.eye(4)
    matrix[:3, :3] = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    matrix[:3, 3] = t
    return matrix


def checked_pose(where: str, values: ArrayLike) -> Array:
    """Return a pose with a quaternion of exactly unit length and qw >= 0.

    Raises:
        LearningError: a number is not finite, or the quaternion is none; begins with `where`.
    """
    pose = np.array(values, np.float64)
    length = float(np.linalg.norm(pose[3:]))
    if not np.isfinite(pose).all():
        raise LearningError(f"{where}: the pose {pose.tolist()} is not finite.")
    if abs(length - 1) > UNIT_WITHIN:
        raise LearningError(f"{where}: the quaternion {pose[3:].tolist()} has the length {length:.4g}, wanted 1.")
    pose[3:] /= length if pose[6] >= 0 else -length
    return pose


def read_matrix(path: Path) -> Array:
    """Read the pose in a file of a 4x4 matrix; x y z qx qy qz qw.

    Raises:
        LearningError: it can't be read, or is no rotation and translation.
    """
    rows = _lines(path)
    try:
        matrix = np.array([[float(value) for value in row.split()] for row in rows])
    except ValueError:
        matrix = np.zeros(0)
    if matrix.shape != (4, 4):
        raise LearningError(f"{path}: wanted four rows of four numbers.")
    rotation = matrix[:3, :3]
    if not np.isfinite(matrix).all() or np.abs(rotation @ rotation.T - np.eye(3)).max() > 2 * UNIT_WITHIN:
        raise LearningError(f"{path}: its upper left 3x3 is no rotation.")
    if np.linalg.det(rotation) < 0:
        raise LearningError(f"{path}: its upper left 3x3 mirrors; wanted a rotation.")
    return pose_of_matrix(matrix)


def dump_matrix(matrix: Array) -> str:
    """The contents of such a file."""
    return "".join(" ".join(f"{value:.9f}" for value in row) + "\n" for row in matrix.tolist())


def read_trajectory(path: Path) -> list[tuple[float, Array | LearningError]]:
    """Read a TUM trajectory: rows of ``time x y z qx qy qz qw``, comments begin with #; (stamp, pose or its fault).

    Raises:
        LearningError: it can't be read, or has a row of another form.
    """
    rows: list[tuple[float, Array | LearningError]] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}, line {number}"
        try:
            stamp, *values = map(float, line.split())
        except ValueError:
            values = []
        if len(values) != 7:
            raise LearningError(f"{where}: wanted time x y z qx qy qz qw, found {line[:80]!r}.")
        try:
            rows.append((stamp, checked_pose(where, values)))
        except LearningError as fault:
            rows.append((stamp, fault))
    return rows


def read_listing(path: Path) -> list[tuple[float, str]]:
    """Read a TUM list of files: rows of ``time name``, comments begin with #.

    Raises:
        LearningError: it can't be read, or has a row of another form.
    """
    rows = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        stamp, _, name = line.strip().partition(" ")
        try:
            rows.append((float(stamp), name.strip()))
        except ValueError:
            name = ""
        if not name:
            raise LearningError(f"{path}, line {number}: wanted a time and a file, found {line[:80]!r}.")
    return rows


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise LearningError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise LearningError(f"{path} is no text.") from None
