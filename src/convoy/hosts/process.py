"""A node's process: what ends it, and how it logs."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType

LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}
"""Python's names of levels, where ROS 2 has others."""


REPEATED_WITHIN_S = 1.0


def stop_requested() -> threading.Event:
    """Return an event that Ctrl-C (SIGINT) or SIGTERM sets. A second one, later on, ends the process at once.

    Under a launcher one Ctrl-C comes twice: from the terminal and from the launcher.
    """
    event, first = threading.Event(), 0.0

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        if not event.is_set():
            first = time.monotonic()
            event.set()
        elif time.monotonic() - first > REPEATED_WITHIN_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return event


def log_to_console(level: str = "info") -> None:
    """Log to stderr in the format of ROS 2's console, from `level` (debug, info, warn, error, fatal) on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_ConsoleFormatter())
    logger = logging.getLogger("convoy")
    logger.handlers = [handler]
    logger.setLevel({"warn": "WARNING", "fatal": "CRITICAL"}.get(level, level.upper()))


class _ConsoleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = LEVELS.get(record.levelname, record.levelname)
        line = f"[{level}] [{record.created:.9f}] [{record.name.removeprefix('convoy.')}]: {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
