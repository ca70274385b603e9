"""A camera as OpenCV's V4L2 backend shows it, for machines without one."""

from __future__ import annotations

import threading
import time
from typing import Any

import cv2
import numpy as np


class FakeV4l2:
    """Takes the place of cv2.VideoCapture; 100 pictures a second, each taken 40 ms before it is handed out."""

    def __init__(self, pixels: np.ndarray, jpeg: bytes) -> None:
        self.pixels, self.jpeg = pixels, np.frombuffer(jpeg, np.uint8)
        self.there = True
        self.hangs = threading.Event()
        self.asked: list[tuple[int, float]] = []
        self.released = False
        self.settings: dict[int, float] = {}

    def open(self, path: str, backend: int) -> FakeV4l2:
        assert backend == cv2.CAP_V4L2
        self.settings = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"), cv2.CAP_PROP_CONVERT_RGB: 1}
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.there

    def set(self, setting: int, value: float) -> bool:
        self.asked.append((setting, value))
        self.settings[setting] = value
        return True

    def get(self, setting: int) -> float:
        if setting == cv2.CAP_PROP_POS_MSEC:
            return time.monotonic() * 1e3 - 40.0
        return self.settings.get(setting, 0.0)

    def read(self) -> tuple[bool, Any]:
        while self.hangs.is_set():
            time.sleep(0.01)
        time.sleep(0.01)
        if not self.there:
            return False, None
        mjpeg = self.settings[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
        return True, self.jpeg[None] if mjpeg and not self.settings[cv2.CAP_PROP_CONVERT_RGB] else self.pixels

    def release(self) -> None:
        self.released = True
