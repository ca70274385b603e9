"""The takes that have been recorded: listed, shown, trimmed and deleted."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convoy.bags import BagError, BagReader, BagWarning, BagWriter
from convoy.console.errors import ConsoleError
from convoy.console.recording import HUMAN, PICTURE
from convoy.interfaces.image_files import inspect
from convoy.interfaces.images import decode
from convoy.interfaces.messages import NANOSECONDS, InterfaceError

STRIP_PICTURES, STRIP_HEIGHT = 10, 72
_STRIP = "strip.jpg"
_HIDDEN = ".work-"
"""Begins the names of folders that are being made or removed."""


@dataclass(frozen=True, slots=True)
class Take:
    """One recording: how long, how many pictures, of which size, and how many commands of a person beside them."""

    name: str
    seconds: float
    pictures: int
    human: int
    bytes: int
    size: str = ""
    damage: str = ""


class Takes:
    """The folder of takes, each one a bag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[int, Take]] = {}

    def new_name(self) -> str:
        """Return a name that no take has: the time."""
        return time.strftime("take-%Y%m%d-%H%M%S")

    def list(self, without: str = "") -> list[dict[str, Any]]:
        """Return all takes, the newest first, but for one that is being recorded."""
        if not self.folder.is_dir():
            return []
        paths = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        return [asdict(self._read(path)) for path in sorted(paths, reverse=True) if path.name != without]

    def path(self, name: str) -> Path:
        """Return where a take is.

        Raises:
            ConsoleError: there is none of that name.
        """
        path = self.folder / name
        if path.parent != self.folder or name.startswith(".") or not path.is_dir():
            raise ConsoleError(f"there is no take {name!r}")
        return path

    def strip(self, name: str) -> bytes:
        """Return a JPEG of pictures of the take, side by side, in order of time.

        Raises:
            ConsoleError: there is no such take, or not one picture of it can be read.
        """
        path = self.path(name)
        file = path / _STRIP
        if not file.exists():
            file.write_bytes(_strip(path))
        return file.read_bytes()

    def trim(self, name: str, start_s: float, end_s: float) -> None:
        """Keep what lies between two times, in s from the start of the take.

        Raises:
            ConsoleError: nothing would be left, or there is no such take.
            BagError: it can't be read, or the trimmed one can't be written; the take is as it was.
        """
        path = self.path(name)
        with _quiet(), BagReader(path) as bag:
            start, end = (bag.start_ns + round(at * NANOSECONDS) for at in (start_s, end_s))
            if not any(True for _ in bag.messages([PICTURE], start, end + 1)):
                raise ConsoleError(f"between {start_s:.1f} s and {end_s:.1f} s the take {name} has no picture")
            work = self.folder / f"{_HIDDEN}trim" / name
            shutil.rmtree(work.parent, ignore_errors=True)
            try:
                with BagWriter(work) as writer:
                    for topic in bag.topics.values():
                        writer.add_topic(topic.name, topic.type, topic.qos)
                    for record in bag.messages(None, start, end + 1):
                        writer.write(record.topic, record.log_time_ns, record.data, record.publish_time_ns)
                before = path.rename(work.parent / "before")
                try:
                    work.rename(path)
                except OSError:
                    before.rename(path)
                    raise
            except OSError as error:
                raise ConsoleError(f"the take {name} can't be trimmed: {error.strerror}") from None
            finally:
                shutil.rmtree(work.parent, ignore_errors=True)

    def delete(self, name: str) -> None:
        """Delete a take.

        Raises:
            ConsoleError: there is none, or it can't be deleted.
        """
        path = self.path(name)
        doomed = self.folder / f"{_HIDDEN}{name}"
        try:
            shutil.rmtree(doomed, ignore_errors=True)
            path.rename(doomed)  # at once, or not at all
            shutil.rmtree(doomed)
        except OSError as error:
            raise ConsoleError(f"the take {name} can't be deleted: {error.strerror}") from None
        self._known.pop(path, None)

    def _read(self, path: Path) -> Take:
        changed = path.stat().st_mtime_ns
        known = self._known.get(path)
        if known is None or known[0] != changed:
            known = self._known[path] = (changed, _describe(path))
        return known[1]


def _describe(path: Path) -> Take:
    size = sum(file.stat().st_size for file in path.iterdir() if file.suffix == ".mcap")
    try:
        with _quiet(), BagReader(path) as bag:
            counts = {name: topic.count for name, topic in bag.topics.items()}
            damage = "; ".join(line.removeprefix(f"{path}/") for line in bag.damage)
            shown = _size(bag) if counts.get(PICTURE) else ""
            return Take(path.name, bag.duration, counts.get(PICTURE, 0), counts.get(HUMAN, 0), size, shown, damage)
    except (BagError, InterfaceError) as error:
        return Take(path.name, 0.0, 0, 0, size, damage=str(error))


def _size(bag: BagReader) -> str:
    file = inspect(bag.deserialize(next(bag.messages([PICTURE]))).data)
    return f"{file.width}x{file.height}"


def _strip(path: Path) -> bytes:
    with _quiet(), BagReader(path) as bag:
        count = bag.topics[PICTURE].count if PICTURE in bag.topics else 0
        wanted = {int(place) for place in np.linspace(0, max(count - 1, 0), STRIP_PICTURES)}
        pictures = list(_thumbnails(bag, wanted))
    if not pictures:
        raise ConsoleError(f"no picture of {path.name} can be read")
    done, file = cv2.imencode(".jpg", np.hstack(pictures), [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise ConsoleError(f"the pictures of {path.name} can't be shown")
    return file.tobytes()


def _thumbnails(bag: BagReader, wanted: set[int]) -> Iterator[np.ndarray]:
    for number, record in enumerate(bag.messages([PICTURE])):
        if number in wanted:
            try:
                pixels = decode(bag.deserialize(record)).to("bgr8")
            except InterfaceError:
                continue  # a damaged picture is not shown; the others are
            width = max(1, round(pixels.shape[1] * STRIP_HEIGHT / pixels.shape[0]))
            yield cv2.resize(pixels, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)


def _quiet() -> warnings.catch_warnings[None]:
    """Damage is listed with the take, and needs no warning on the terminal."""
    return warnings.catch_warnings(action="ignore", category=BagWarning)
