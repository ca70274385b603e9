"""Questions in a terminal, while something else has to be kept alive."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable


class Dialog:
    """Asks a person, line by line.

    Args:
        file: descriptor of what the person types into.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._typed = b""
        self.keep_alive: Callable[[], None] = lambda: None
        """Is called at least every `period_s` while an answer is waited for."""
        self.period_s = 0.05

    def ask(self, question: str) -> str | None:
        """Return the line that a person types, without space around it; none at the end of the input."""
        print(question, end=" ", flush=True)
        while b"\n" not in self._typed:
            self.keep_alive()
            if self._is_typed(self.period_s):
                data = os.read(self._file, 1024)
                if not data:
                    return None
                self._typed += data
        line, _, self._typed = self._typed.partition(b"\n")
        if not os.isatty(self._file):
            print()  # what comes from a script is not shown by a terminal, with its end of line
        return line.decode(errors="replace").strip()

    def wait(self, seconds: float) -> None:
        """Let time pass; typing ends it."""
        end = time.monotonic() + seconds
        while not self._typed and (left := end - time.monotonic()) > 0:
            self.keep_alive()
            if self._is_typed(min(self.period_s, left)):
                return

    def _is_typed(self, within_s: float) -> bool:
        return bool(select.select([self._file], [], [], within_s)[0])
