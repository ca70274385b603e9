"""Calibration boards, found in pictures: chessboards and ChArUco boards (Garrido-Jurado et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy.errors import ConvoyError, nearest

_MIN_CORNERS = 8
"""A ChArUco board that is seen in part is of use from here on: a pose and the lens's shape want some redundancy."""

_MAX_REACH_PX = 15
"""Half the window in which a corner is refined; a larger one would see how the lens bends the fields' edges."""


class CalibrationError(ConvoyError):
    """A board is described wrongly, or the pictures of it do not make a calibration."""


@dataclass(frozen=True, eq=False)
class View:
    """A board as one picture shows it."""

    name: str
    board: NDArray[np.float32]
    """(N, 3) corners in metres, on the board's plane."""
    image: NDArray[np.float32]
    """(N, 2) the same in pixels; (0, 0) is the middle of the upper left one."""


@dataclass(frozen=True)
class Chessboard:
    """A chessboard of `columns` x `rows` inner corners (a board of 8 x 8 fields has 7 x 7), fields `square` m wide."""

    columns: int
    rows: int
    square: float

    def __post_init__(self) -> None:
        _check_size("chessboard", self.columns, self.rows, self.square)

    def find(self, name: str, grey: NDArray[np.uint8]) -> View | None:
        """Find the whole board in a picture (H, W); None where it is not, or not whole."""
        size = self.columns, self.rows
        # By contours: fast. Where that fails by sectors (Duda and Frese 2018), which blur and shade disturb less.
        flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
        found, corners = cv2.findChessboardCorners(grey, size, flags=flags)
        if not found:
            found, corners = cv2.findChessboardCornersSB(grey, size, flags=cv2.CALIB_CB_NORMALIZE_IMAGE)
        if not found:
            return None
        # Both leave errors of tenths of a pixel, where a wide lens bends the board, which this brings to hundredths.
        reach = min(max(int(_spacing(corners.reshape(self.rows, self.columns, 2)) / 2.5), 2), _MAX_REACH_PX)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
        corners = cv2.cornerSubPix(grey, corners, (reach, reach), (-1, -1), criteria)
        rows, columns = np.indices((self.rows, self.columns))
        board = np.stack([columns, rows, np.zeros_like(rows)], axis=-1).reshape(-1, 3) * self.square
        return View(name, board.astype(np.float32), np.asarray(corners, np.float32).reshape(-1, 2))


@dataclass(frozen=True)
class Charuco:
    """A ChArUco board of `columns` x `rows` fields, `square` m wide, with markers `marker` m wide in the white ones.

    Both layouts are found: that of OpenCV since 4.6, and the older one, which differs where `rows` is even.
    """

    columns: int
    rows: int
    square: float
    marker: float
    dictionary: str
    """As OpenCV names it, without ``DICT_``: such as ``5X5_100``."""

    def __post_init__(self) -> None:
        _check_size("ChArUco board", self.columns, self.rows, self.square)
        if not 0 < self.marker < self.square:
            raise CalibrationError(
                f"Markers of {self.marker} m do not fit into fields of {self.square} m; wanted a smaller marker."
            )
        if not hasattr(cv2.aruco, f"DICT_{self.dictionary}"):
            known = [name.removeprefix("DICT_") for name in dir(cv2.aruco) if name.startswith("DICT_")]
            there = ", ".join(nearest(self.dictionary, known))
            raise CalibrationError(f"There is no dictionary {self.dictionary!r}; nearest first: {there}.")
        wanted, held = self.columns * self.rows // 2, self._dictionary.bytesList.shape[0]
        if wanted > held:
            raise CalibrationError(
                f"A board of {self.columns}x{self.rows} has {wanted} markers, {self.dictionary} only {held}."
            )

    @property
    def _dictionary(self) -> Any:
        return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{self.dictionary}"))

    @cached_property
    def _detectors(self) -> list[tuple[Any, Any]]:
        """Of each layout, the board and its detector."""
        made = []
        for legacy in (False, True):
            board = cv2.aruco.CharucoBoard((self.columns, self.rows), self.square, self.marker, self._dictionary)
            board.setLegacyPattern(legacy)
            made.append((board, cv2.aruco.CharucoDetector(board)))
        return made

    def find(self, name: str, grey: NDArray[np.uint8]) -> View | None:
        """Find the board in a picture (H, W), also where only a part of it is seen; None where it is not."""
        for board, detector in self._detectors:
            corners, ids, _, _ = detector.detectBoard(grey)
            if ids is None or len(ids) < _MIN_CORNERS or board.checkCharucoCornersCollinear(ids):
                continue
            places = np.asarray(board.getChessboardCorners(), np.float32)[ids.ravel()]
            return View(name, places, np.asarray(corners, np.float32).reshape(-1, 2))
        return None


Board = Chessboard | Charuco


def _check_size(what: str, columns: int, rows: int, square: float) -> None:
    if min(columns, rows) < 3:
        raise CalibrationError(f"A {what} of {columns}x{rows} is too small to calibrate with; wanted 3x3 or more.")
    if not 0 < square < 10:
        raise CalibrationError(f"Fields of {square} m make no {what}; wanted their width in metres, such as 0.025.")


def _spacing(corners: np.ndarray) -> float:
    """The least distance of neighbouring corners (rows, columns, 2) in pixels."""
    return float(min(np.linalg.norm(np.diff(corners, axis=axis), axis=-1).min() for axis in (0, 1)))
