"""What can be wrong with the operator's page and what is asked of it."""

from __future__ import annotations

from convoy.errors import ConvoyError


class ConsoleError(ConvoyError):
    """The page can't be served as it was asked for, or can't do what its operator asks; the message says why."""
