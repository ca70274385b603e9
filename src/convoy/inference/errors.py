"""What can be wrong with a model."""

from __future__ import annotations

from convoy.errors import ConvoyError


class ModelError(ConvoyError):
    """A model file, its card, its device or the image given to it is not what was wanted."""
