"""What can be wrong with the data or the run of a training."""

from __future__ import annotations

from convoy.errors import ConvoyError


class LearningError(ConvoyError):
    """The data, an option or a checkpoint can't be trained with."""
