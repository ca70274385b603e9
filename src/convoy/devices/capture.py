"""Reads a live source of frames on a thread of its own, so that a slow or lost camera stalls nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

from convoy.devices.errors import DeviceError
from convoy.devices.frames import Frame, Source

RETRY_S, LONGEST_RETRY_S = 0.5, 8.0
STOPS_WITHIN_S = 4.0


class Capture:
    """Keeps the newest frame of a source, and opens the source again and again, with growing pauses, when it is lost.

    Args:
        open_source: opens it; is called from the thread.
        name: of the thread.
    """

    def __init__(self, open_source: Callable[[], Source], name: str) -> None:
        self._open = open_source
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self._replaced = 0
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self) -> tuple[Frame | None, int, str]:
        """Return the newest frame, where there is a new one, how many were replaced unseen, and what is wrong."""
        with self._lock:
            frame, self._frame = self._frame, None
            replaced, self._replaced = self._replaced, 0
            return frame, replaced, self._trouble

    def stop(self) -> None:
        """End the thread. One that hangs in a driver is left to end by itself."""
        self._stopping.set()
        self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        pause = RETRY_S
        while not self._stopping.is_set():
            try:
                source = self._open()
                try:
                    while not self._stopping.is_set() and (frame := source.read()) is not None:
                        pause = RETRY_S
                        self._keep(frame)
                finally:
                    source.close()
            except DeviceError as error:
                self._lose(str(error))
            except Exception as error:  # whatever a decoder raises must not end the camera for good
                self._lose(f"{type(error).__name__}: {error}")
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_RETRY_S)

    def _keep(self, frame: Frame) -> None:
        with self._lock:
            self._replaced += self._frame is not None
            self._frame, self._trouble = frame, ""

    def _lose(self, why: str) -> None:
        with self._lock:
            self._trouble = why
