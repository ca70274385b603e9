"""The error of this layer."""

from __future__ import annotations

from convoy.errors import ConvoyError


class SimulationError(ConvoyError):
    """A town, a scene or a drive that can't be made as asked."""
