"""Records a take: the pictures, and what the person did while driving, written off the component's thread."""

from __future__ import annotations

import contextlib
import queue
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convoy.bags import BagError, BagWriter
from convoy.console.errors import ConsoleError
from convoy.interfaces import cdr
from convoy.interfaces.messages import (
    AckermannDriveStamped,
    CameraInfo,
    CompressedImage,
    Message,
    String,
    message_class,
    type_name,
)

PICTURE, HUMAN = "/camera/image_raw/compressed", "/human/drive"
"""What is trained on: pictures, and what a person commanded while driving."""
TOPICS: dict[str, type[Any]] = {
    PICTURE: CompressedImage,
    "/camera/camera_info": CameraInfo,
    HUMAN: AckermannDriveStamped,
    "/odom": message_class("nav_msgs/msg/Odometry"),
    "/mode": String,
}
WAITING = 256
"""Messages that may wait for a slow disk; further ones are dropped, and counted."""
POLL_S = 0.1
CHECK_EVERY = 20
"""Pictures between two looks at the free space."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a recording goes; `failed` says why it has ended by itself."""

    name: str
    pictures: int
    human: int
    bytes: int
    dropped: int
    failed: str


class Recorder:
    """Writes one take, on a thread of its own: a slow disk must not keep an emergency stop waiting.

    Args:
        folder: of the takes.
        name: of this one; becomes a bag of that name.
        least_free_bytes: of the disk, below which nothing is recorded.
    """

    def __init__(self, folder: Path, name: str, least_free_bytes: int) -> None:
        self._path, self._least_free = folder / name, least_free_bytes
        self._writer: BagWriter | None = None
        self._queue: queue.Queue[tuple[str, int, Message]] = queue.Queue(WAITING)
        self._ending = threading.Event()
        self._counts = dict.fromkeys(TOPICS, 0)
        self._bytes = self._dropped = 0
        self._failed = ""
        self._thread = threading.Thread(target=self._run, name=f"take {name}", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        counts = self._counts
        return Progress(self._path.name, counts[PICTURE], counts[HUMAN], self._bytes, self._dropped, self._failed)

    @property
    def has_ended(self) -> bool:
        """Whether all is written that will be: after `end`, or after a failure."""
        return not self._thread.is_alive()

    def add(self, topic: str, now_ns: int, message: Message) -> None:
        """Hand a message over to be written; returns at once."""
        try:
            self._queue.put_nowait((topic, now_ns, message))
        except queue.Full:
            self._dropped += 1

    def end(self) -> None:
        """Ask for the end; what has been handed over is still written."""
        self._ending.set()

    def finish(self) -> Progress:
        """Wait for the end, and tell how it went. A take without a picture is removed, and that is said."""
        self.end()
        self._thread.join()
        if not self._counts[PICTURE]:
            shutil.rmtree(self._path, ignore_errors=True)
            self._failed = self._failed or "no picture came while it was recorded; there is nothing to keep"
        return self.progress

    def _run(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._check_space()
            self._writer = writer = BagWriter(self._path)
            for topic, kind in TOPICS.items():
                writer.add_topic(topic, type_name(kind))
            while (entry := self._next()) is not None:
                self._write(writer, *entry)
            writer.close()
        except (BagError, ConsoleError) as error:
            self._failed = str(error)
        except OSError as error:
            self._failed = f"{self._path.parent} can't be recorded to: {error.strerror}."
        if self._failed and self._writer is not None:
            with contextlib.suppress(BagError):
                self._writer.close()

    def _next(self) -> tuple[str, int, Message] | None:
        while True:
            try:
                return self._queue.get(timeout=0.0 if self._ending.is_set() else POLL_S)
            except queue.Empty:
                if self._ending.is_set():
                    return None

    def _write(self, writer: BagWriter, topic: str, now_ns: int, message: Message) -> None:
        data = cdr.serialize(message)
        writer.write(topic, now_ns, data)
        self._counts[topic] += 1
        self._bytes += len(data)
        if topic == PICTURE and self._counts[PICTURE] % CHECK_EVERY == 0:
            self._check_space()

    def _check_space(self) -> None:
        free = shutil.disk_usage(self._path.parent).free
        if free < self._least_free:
            raise ConsoleError(
                f"The disk is full: {free / 1e6:.0f} MB are free where {self._least_free / 1e6:.0f} MB are wanted. "
                "What was recorded before is kept; delete takes to make room."
            )
