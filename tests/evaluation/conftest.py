"""Small bags of a drive that never was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convoy.bags import BagWriter
from convoy.interfaces import cdr
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, Header, make, time, type_name

START_NS = 1_700_000_000_000_000_000


def picture(number: int) -> np.ndarray:
    """A smooth picture, another one for each number."""
    rows, columns = np.mgrid[0:120, 0:160]
    return np.stack([(rows + number * 5) % 256, (columns * 2 + number) % 256, (rows + columns) % 256], -1).astype(
        np.uint8
    )


@pytest.fixture
def drive_bag(tmp_path: Path) -> Callable[..., Path]:
    """Writes a bag of images and the human's commands; returns its path."""

    def write(
        frames: int = 12,
        *,
        name: str = "drive",
        raw: bool = False,
        topic: str = "/camera/image_raw",
        rate_hz: float = 20.0,
        human: bool = True,
        damaged: frozenset[int] = frozenset(),
    ) -> Path:
        path = tmp_path / name
        with BagWriter(path) as bag:
            for number in range(frames):
                stamp_ns = START_NS + round(number * 1e9 / rate_hz)
                header = make(Header, stamp=time(stamp_ns), frame_id="camera_optical")
                image = (
                    encode(picture(number), "rgb8", header) if raw else compress(picture(number), "rgb8", header, "png")
                )
                if number in damaged:
                    image.data = image.data[: len(image.data) // 2]
                drive = make(AckermannDrive, steering_angle=0.2 * np.sin(number / 3), speed=1.0)
                messages = [(topic if raw else f"{topic}/compressed", image)]
                if human:
                    messages.append(("/drive", make(AckermannDriveStamped, header=header, drive=drive)))
                for at, message in messages:
                    if number == 0:
                        bag.add_topic(at, type_name(message))
                    bag.write(at, stamp_ns + 1_000_000, cdr.serialize(message))
        return path

    return write
