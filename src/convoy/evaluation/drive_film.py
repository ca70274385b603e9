"""A drive as a film: what the camera sees, where the wheels point, where the expert would point them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convoy.errors import ConvoyError
from convoy.evaluation.drive_log import Step
from convoy.evaluation.page import REFERENCE, STEERED, still
from convoy_sim.world import STEP_S

VIDEO_WIDTH = 640
STRIP_PX = 24


class DriveFilm:
    """Writes ``drive.mp4`` step by step, a step for each image.

    Raises:
        ConvoyError: the file can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: Any = None

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()

    def add(self, step: Step) -> None:
        """Add a step; one without an image is left out."""
        picture = step.picture()
        if picture is None:
            return
        picture = with_overlay(step, picture, VIDEO_WIDTH)
        _say(picture, caption(step))
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            size = (picture.shape[1], picture.shape[0])
            self._writer = cv2.VideoWriter(str(self.path), cv2.VideoWriter.fourcc(*"mp4v"), 1 / STEP_S, size)
            if not self._writer.isOpened():
                raise ConvoyError(f"{self.path} cannot be written as a film.")
        self._writer.write(picture)


def with_overlay(step: Step, picture: np.ndarray, width: int) -> np.ndarray:
    """The picture (BGR) in a width, with the angles of a step drawn into it."""
    arcs = [(step.expert, REFERENCE), (step.steered, STEERED)]
    return still(picture, [(angle, colour) for angle, colour in arcs if math.isfinite(angle)], width)


def caption(step: Step) -> str:
    """A step in words."""
    said = [f"{step.speed * 3.6:.0f} km/h", step.instruction, f"lateral {step.lateral:+.2f} m"]
    if math.isfinite(step.steered):
        said.append(f"{math.degrees(step.steered):+.1f} deg, expert {math.degrees(step.expert):+.1f} deg")
    return ", ".join(said)


def _say(picture: np.ndarray, line: str) -> None:
    """Write a line on a dark strip at the upper edge."""
    picture[:STRIP_PX] //= 3
    cv2.putText(picture, line, (8, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
