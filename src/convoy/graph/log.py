"""A component's log: the same line, whatever its numbers, at most every few seconds of the component's clock."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

REPEAT_AFTER_NS = 5_000_000_000
_MAX_LINES = 1000
_NUMBER = re.compile(r"\d+(\.\d+)?")


class Log:
    """Choose the level by what the operator must do: info nothing, warning look, error act."""

    def __init__(self, logger: logging.Logger, now: Callable[[], int]) -> None:
        self._logger = logger
        self._now = now
        self._said: dict[tuple[int, str], int] = {}

    def debug(self, line: str) -> None:
        """Say what only a developer wants to know."""
        self._say(logging.DEBUG, line)

    def info(self, line: str) -> None:
        """Say what needs no attention."""
        self._say(logging.INFO, line)

    def warning(self, line: str) -> None:
        """Say what the operator should look at."""
        self._say(logging.WARNING, line)

    def error(self, line: str) -> None:
        """Say what the operator must act on."""
        self._say(logging.ERROR, line)

    def exception(self, line: str) -> None:
        """Say that there is a fault in the program, with the traceback of the exception at hand."""
        self._say(logging.ERROR, line, traceback=True)

    def _say(self, level: int, line: str, traceback: bool = False) -> None:
        now = self._now()
        key = level, _NUMBER.sub("#", line)
        said = self._said.get(key)
        if said is not None and 0 <= now - said < REPEAT_AFTER_NS:
            return
        if len(self._said) >= _MAX_LINES:
            self._said.clear()
        self._said[key] = now
        self._logger.log(level, line, exc_info=traceback)
