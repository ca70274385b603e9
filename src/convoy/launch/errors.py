"""What can be wrong with a launch file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convoy.errors import ConvoyError


class LaunchError(ConvoyError):
    """A launch file cannot be read, or asks for what cannot be done; the message begins with its place."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a launch file."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
