"""Where frames come from: a camera of this machine, a stream, a video file, a folder of pictures."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from convoy.devices.errors import DeviceError
from convoy.interfaces.images import decode
from convoy.interfaces.messages import CompressedImage, make

SUFFIXES = (".jpg", ".jpeg", ".png")
OPENS_WITHIN_MS = READS_WITHIN_MS = 3000
LONGEST_AGE_NS = 500_000_000
"""What a driver says of a frame's age is believed up to this."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, as JPEG bytes where the source has such and is asked for them, else as pixels.

    Attributes:
        at_ns: of a live source, when it was taken, by the steady clock (time.monotonic_ns); else when it is to be
            shown, from the start.
        jpeg: (N,) uint8, undecoded.
        pixels, encoding: as in `CameraImage`.
    """

    at_ns: int
    jpeg: np.ndarray | None = None
    pixels: np.ndarray | None = None
    encoding: str = "bgr8"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a source is to be opened; zero and empty leave the choice to the device, or to the file."""

    width: int = 0
    height: int = 0
    rate: float = 0.0
    pixel_format: str = ""
    jpeg: bool = False
    """Whether JPEG frames are to be had undecoded, where the source has them."""


class Source(Protocol):
    """An open source of frames."""

    def read(self) -> Frame | None:
        """Return the next frame, waiting for it where it is live; none at the end of a file.

        Raises:
            DeviceError: the device or the connection is lost, or a file is damaged.
        """

    def close(self) -> None:
        """Give the device or file back."""


def is_live(source: str) -> bool:
    """Tell whether frames come as time goes by, and are lost where nobody takes them."""
    return "://" in source or source.isdecimal() or source.startswith("/dev/") or _is_device(source)


def spoken(source: str) -> str:
    """Return how a source is called where others can read it: without the name and password of a stream."""
    return re.sub(r"//[^/@]*@", "//", source)


def open_source(source: str, settings: Settings) -> Source:
    """Open a camera (``/dev/video0``, ``0``), a stream (``rtsp://``, ``http://``), a video file or a folder.

    Raises:
        DeviceError: it is not there, or not of a kind that can be read.
    """
    if "://" in source:
        return _Stream(source, settings)
    if is_live(source):
        return _Camera(source, settings)
    if Path(source).is_dir():
        return _Folder(Path(source), settings)
    return _Video(source, settings)


class _Camera:
    """A camera by Video4Linux."""

    def __init__(self, device: str, settings: Settings) -> None:
        path = f"/dev/video{device}" if device.isdecimal() else device
        if not os.path.exists(path):
            raise DeviceError(f"{path} is not there; is the camera plugged in? (v4l2-ctl --list-devices shows them)")
        self._path = path
        self._capture = cv2.VideoCapture(path, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            reason = "" if os.access(path, os.R_OK | os.W_OK) else "; the user must be in the group 'video'"
            raise DeviceError(f"{path} can't be opened as a camera, or another program has it{reason}")
        # The format before the size: a camera's sizes depend on it.
        if settings.pixel_format:
            self._set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.pixel_format))
        for setting, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.rate),
        ):
            if value:
                self._set(setting, value)
        self._set(cv2.CAP_PROP_BUFFERSIZE, 2)
        self._undecoded = settings.jpeg and _fourcc(self._capture) == "MJPG"
        if self._undecoded:
            self._set(cv2.CAP_PROP_CONVERT_RGB, 0)

    def read(self) -> Frame | None:
        there, data = self._capture.read()
        now = time.monotonic_ns()
        if not there:
            raise DeviceError(f"{self._path} gives no more pictures; has it been pulled out?")
        # The driver's stamp of the exposure, by the steady clock, where it has one.
        taken = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        at = taken if 0 <= now - taken <= LONGEST_AGE_NS else now
        return Frame(at, jpeg=data.reshape(-1)) if self._undecoded else Frame(at, pixels=data)

    def close(self) -> None:
        self._capture.release()

    def _set(self, setting: int, value: float) -> None:
        self._capture.set(setting, value)  # what the device has not, it answers with the nearest that it has


class _Stream:
    """A stream by FFmpeg; a frame's stamp is when it came, since most cameras' own clocks are not to be had."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = spoken(url)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPENS_WITHIN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READS_WITHIN_MS]
        self._capture, self._undecoded = _open_ffmpeg(url, settings.jpeg, limits)
        if not self._capture.isOpened():
            raise DeviceError(f"{self._url} can't be opened as a stream")

    def read(self) -> Frame | None:
        there, data = self._capture.read()
        if not there:
            raise DeviceError(f"{self._url} has ended, or gives nothing")
        now = time.monotonic_ns()
        return Frame(now, jpeg=data.reshape(-1)) if self._undecoded else Frame(now, pixels=data)

    def close(self) -> None:
        self._capture.release()


class _Video:
    """A video file; its frames keep their times."""

    def __init__(self, path: str, settings: Settings) -> None:
        if not os.path.exists(path):
            raise DeviceError(f"{path} is not there; wanted a video file, a folder of pictures, a camera or a stream")
        self._capture, self._undecoded = _open_ffmpeg(path, settings.jpeg, [])
        if not self._capture.isOpened():
            raise DeviceError(f"{path} is no video file that can be read")
        self._period_s = 1.0 / settings.rate if settings.rate else 0.0
        self._count = 0

    def read(self) -> Frame | None:
        there, data = self._capture.read()
        if not there:
            return None
        seconds = self._count * self._period_s or self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        self._count += 1
        at = round(seconds * 1e9)
        return Frame(at, jpeg=data.reshape(-1)) if self._undecoded else Frame(at, pixels=data)

    def close(self) -> None:
        self._capture.release()


class _Folder:
    """A folder of JPEG and PNG pictures, in the order of their names, at 20 Hz unless told otherwise."""

    RATE_HZ = 20.0

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
        if not self._files:
            raise DeviceError(f"{folder} has no pictures; wanted files that end in {', '.join(SUFFIXES)}")
        self._period_s = 1.0 / (settings.rate or self.RATE_HZ)
        self._jpeg = settings.jpeg
        self._next = 0

    def read(self) -> Frame | None:
        if self._next == len(self._files):
            return None
        file, at = self._files[self._next], round(self._next * self._period_s * 1e9)
        self._next += 1
        try:
            data = np.frombuffer(file.read_bytes(), np.uint8)
        except OSError as error:
            raise DeviceError(f"{file} can't be read: {error.strerror}") from None
        if self._jpeg and file.suffix.lower() != ".png":
            return Frame(at, jpeg=data)
        image = decode(make(CompressedImage, data=data))
        return Frame(at, pixels=image.pixels, encoding=image.encoding)

    def close(self) -> None:
        pass


def _open_ffmpeg(source: str, jpeg: bool, limits: list[int]) -> tuple[Any, bool]:
    """Open by FFmpeg; where JPEG is wanted and is what is in there, its frames come undecoded."""
    if jpeg:
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [*limits, cv2.CAP_PROP_FORMAT, -1])
        if not capture.isOpened() or _fourcc(capture) == "MJPG":
            return capture, True
        capture.release()
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits), False


def _fourcc(capture: Any) -> str:
    return int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace")


def _is_device(source: str) -> bool:
    try:
        return stat.S_ISCHR(os.stat(source).st_mode)
    except OSError:
        return False
