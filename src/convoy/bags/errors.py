"""What can go wrong with a bag."""

from __future__ import annotations

from dataclasses import dataclass

from convoy.errors import ConvoyError


class BagError(ConvoyError):
    """A bag, or a recording that is to become one, is not there, is not one, or lacks what was asked of it."""


class BagWarning(UserWarning):
    """A part of a bag, or of a recording that becomes one, is lost; the rest is read."""


class DamagedError(Exception):
    """A file's bytes are not what its format says; the reader turns it into `Damage` and a warning."""

    def __init__(self, what: str, offset: int | None = None) -> None:
        super().__init__(what)
        self.offset = offset
        """Where in the file, if that is known."""


@dataclass(frozen=True)
class Damage:
    """Where and how a file is broken. All that was written before that place is still read."""

    what: str
    """Such as ``"is cut off at byte 4711"``; the file's name comes before it."""
    lost_bytes: int | None
    """Behind the damage, or missing at the end; None where that is not known."""
    lost_messages: dict[str, int] | None
    """By topic, where the file itself tells how many there were."""
