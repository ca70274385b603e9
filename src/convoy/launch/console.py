"""The output of many processes on one terminal: each line with the name of the process before it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TextIO

MAX_LINE_BYTES = 65_536
"""A longer line is broken into pieces."""

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_RED = 31


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
        self.line(self.err, "launch", text)

    def complain(self, text: str) -> None:
        """Write a line of the launcher's own that the operator should see."""
        self.line(self.err, "launch", text, _RED)

    async def copy(self, source: asyncio.StreamReader, stream: TextIO, name: str) -> None:
        """Write all lines that come from `source` until it ends."""
        rest = b""
        while chunk := await source.read(MAX_LINE_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.line(stream, name, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self.line(stream, name, rest.decode(errors="replace"))
