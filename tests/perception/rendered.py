"""Pictures of calibration boards, rendered with a lens that is known: OpenCV's own undistortion, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

PX_PER_FIELD = 60
SAMPLES = 2


@dataclass(frozen=True)
class Lens:
    """A camera to render with; `fisheye` says which of OpenCV's models `d` belongs to."""

    width: int
    height: int
    f: tuple[float, float]
    c: tuple[float, float]
    d: tuple[float, ...]
    fisheye: bool

    @property
    def k(self) -> np.ndarray:
        return np.array([[self.f[0], 0, self.c[0]], [0, self.f[1], self.c[1]], [0, 0, 1]])

    @cached_property
    def rays(self) -> np.ndarray:
        """(3, N) directions of all samples, with z = 1."""
        v, u = (np.indices((self.height * SAMPLES, self.width * SAMPLES)) + 0.5) / SAMPLES - 0.5
        pixels = np.stack([u.ravel(), v.ravel()], axis=1)[:, None]
        undistort = cv2.fisheye.undistortPoints if self.fisheye else cv2.undistortPoints
        plane = undistort(pixels, self.k, np.array(self.d))[:, 0]
        return np.concatenate([plane, np.ones((len(plane), 1))], axis=1).T


PINHOLE = Lens(640, 480, (520.0, 525.0), (331.0, 228.0), (-0.28, 0.09, 0.0012, -0.0008, 0.0), False)
FISHEYE = Lens(640, 480, (232.0, 231.0), (314.0, 246.0), (0.02, -0.008, 0.003, -0.0006), True)


def chessboard(columns: int, rows: int) -> np.ndarray:
    """A chessboard of so many inner corners, with a white rim one field wide."""
    across, down = np.indices((columns + 1, rows + 1))
    fields = np.where((across + down).T % 2 == 0, 0, 255).astype(np.uint8)
    fields = np.pad(fields, 1, constant_values=255)
    return np.kron(fields, np.ones((PX_PER_FIELD, PX_PER_FIELD), np.uint8))


def charuco(columns: int, rows: int, dictionary: str = "5X5_100", legacy: bool = False) -> np.ndarray:
    """A ChArUco board of so many fields, markers of 0.7 fields, with a white rim."""
    markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{dictionary}"))
    board = cv2.aruco.CharucoBoard((columns, rows), 1.0, 0.7, markers)
    board.setLegacyPattern(legacy)
    size = columns * PX_PER_FIELD, rows * PX_PER_FIELD
    return np.pad(board.generateImage(size), PX_PER_FIELD, constant_values=255)


def picture(lens: Lens, board: np.ndarray, turn: np.ndarray, shift: np.ndarray, square: float) -> np.ndarray:
    """The board in front of a grey wall; its middle is `shift` (metres) away, its axes turned by `turn` (Rodrigues)."""
    rotation, _ = cv2.Rodrigues(np.asarray(turn, np.float64))
    # Where a ray meets the plane: R (x, y, 0) + t = s * ray.
    to_plane = np.linalg.inv(np.column_stack([rotation[:, 0], rotation[:, 1], np.asarray(shift, np.float64)]))
    x, y, depth = to_plane @ lens.rays
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.stack([x / depth, y / depth]) / square * PX_PER_FIELD
    at = np.where(depth > 0, at, 1e6)  # not behind the camera
    u, v = (at + (np.array(board.shape[::-1])[:, None] - 1) / 2).astype(np.float32)
    size = lens.height * SAMPLES, lens.width * SAMPLES
    small = cv2.GaussianBlur(board, (0, 0), 2.0)
    fine = cv2.remap(small, u.reshape(size), v.reshape(size), cv2.INTER_LINEAR, borderValue=110)
    coarse = cv2.resize(fine, (lens.width, lens.height), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 2, coarse.shape)
    return np.uint8(np.clip(coarse * 0.85 + 15 + noise, 0, 255))


def poses(count: int, seed: int, reach: float, near: float, far: float, tilt: float = 0.6) -> list[np.ndarray]:
    """Boards all over the picture, tilted to all sides: (turn, shift) each; `reach` is a tangent from the axis."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        depth = rng.uniform(near, far)
        aside = rng.uniform(-reach, reach, 2) * (1.0, 0.7)
        turn = rng.uniform(-tilt, tilt, 3)
        made.append(np.array([turn, [aside[0] * depth, aside[1] * depth, depth]]))
    return made
