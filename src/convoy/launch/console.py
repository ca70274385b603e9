"""The output of many processes on one terminal: each line with the name of the process before it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

MAX_LINE_BYTES = 65_536
"""A longer line is broken into pieces."""

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_RED = 31
_BOLD = 1


class Console:
    """Writes lines with a prefix, coloured where the stream is a terminal and ``NO_COLOR`` is not set.

    Args:
        on_broken: is called once when nobody reads the output any more; what follows is dropped.
    """

    def __init__(self, out: TextIO, err: TextIO, on_broken: Callable[[], None] = lambda: None) -> None:
        self.out = out
        self.err = err
        self._on_broken = on_broken
        self._broken = False
        self._colours: dict[str, int] = {}

    def line(self, stream: TextIO, name: str, text: str, colour: int | None = None) -> None:
        """Write one line of the process `name`."""
        if self._broken:
            return
        colour = colour or self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        prefix = f"\x1b[{colour}m[{name}]\x1b[0m" if coloured else f"[{name}]"
        try:
            stream.write(f"{prefix} {text}\n")
            stream.flush()
        except BrokenPipeError:
            self._broken = True
            self._on_broken()

    def say(self, text: str) -> None:
        """Write a line of the launcher's own."""
        self.line(self.err, "launch", text, _BOLD)

    def complain(self, text: str) -> None:
        """Write a line of the launcher's own that the operator should see."""
        self.line(self.err, "launch", text, _RED)


class Lines:
    """Cuts the bytes of one stream into lines, and hands each to `write`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the bytes that come next."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line.decode(errors="replace").rstrip("\r"))
        if len(self._rest) > MAX_LINE_BYTES:
            self.end()

    def end(self) -> None:
        """Write what is left, a line without its end."""
        if self._rest:
            self._write(self._rest.decode(errors="replace"))
        self._rest = b""
