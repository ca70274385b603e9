"""Pictures to calibrate with, one after another: from a folder, or from a topic of a bag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convoy.bags import BagReader
from convoy.interfaces.images import CameraImage, ImageError, decode
from convoy.interfaces.messages import NANOSECONDS, CompressedImage, Header, Image, make
from convoy.perception.boards import CalibrationError

_ENDINGS = (".png", ".jpg", ".jpeg")
_IMAGES = (Image.__msgtype__, CompressedImage.__msgtype__)


@dataclass(frozen=True)
class Pictures:
    """Pictures, to be gone through with their names; see `find_pictures`."""

    path: Path
    count: int
    _messages: Callable[[], Iterator[tuple[str, Any]]]

    def __iter__(self) -> Iterator[tuple[str, CameraImage]]:
        """Yield each picture's name and the picture.

        Raises:
            CalibrationError: one is damaged.
        """
        for name, message in self._messages():
            try:
                yield name, decode(message)
            except ImageError as error:
                raise CalibrationError(f"{self.path}, picture {name}: {error} Take it out, or repair it.") from None


def find_pictures(path: Path, topic: str | None = None, without: Path | None = None) -> Pictures:
    """Find the PNG and JPEG files of a folder, by name, or the images of a bag, named by the seconds since its start.

    `topic` says which images, where a bag has several topics of them; the file `without` is not taken.

    Raises:
        CalibrationError: the folder has no pictures and no bag, or there are several topics to choose from.
        BagError: a bag can't be read, or lacks the topic.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in _ENDINGS)
        files = [file for file in files if without is None or file.resolve() != without.resolve()]
        if files:
            if topic is not None:
                raise CalibrationError(f"{path} is a folder of pictures; a topic is for bags.")
            return Pictures(path, len(files), lambda: map(_read, files))
    bag = BagReader(path)
    there = [name for name, found in bag.topics.items() if found.type in _IMAGES]
    if topic is None and len(there) != 1:
        listed = ", ".join(there) or f"none of {', '.join(bag.topics)}"
        raise CalibrationError(f"{path} has {len(there)} image topics ({listed}); say with --topic which to take.")
    chosen = bag.topic(there[0] if topic is None else topic)
    if chosen.type not in _IMAGES:
        raise CalibrationError(f"{path}: {chosen.name} is {chosen.type}, no image topic; it has {', '.join(there)}.")
    return Pictures(path, chosen.count, lambda: _recorded(bag, chosen.name))


def _read(file: Path) -> tuple[str, Any]:
    return file.name, make(CompressedImage, header=make(Header), data=np.fromfile(file, np.uint8))


def _recorded(bag: BagReader, topic: str) -> Iterator[tuple[str, Any]]:
    for record in bag.messages([topic]):
        yield f"{(record.log_time_ns - bag.start_ns) / NANOSECONDS:.3f} s", bag.deserialize(record)
