"""The root of every error that a user of convoy can cause or meet."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConvoyError(Exception):
    """Says what was found, what was wanted and what to do, in one line or few.

    Each layer has one subclass of it. The command line prints the message alone, without a traceback.
    """


def nearest(wanted: str, found: Iterable[str]) -> list[str]:
    """Sort the names `found` by likeness to `wanted`, nearest first, for error messages."""
    return sorted(found, key=lambda name: (-difflib.SequenceMatcher(None, wanted, name).ratio(), name))
