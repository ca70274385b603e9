"""What a user can choose about a training, with its defaults. No torch here: the command line shows them at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SteeringOptions:
    """Options of the training of a steering model; `convoy train steering --help` says what each does."""

    epochs: int = 30
    patience: int = 15
    seed: int = 0
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    members: int = 5
    batch_norm: bool = True
    mirror: bool = True
    augment: bool = True
    crop_top: float = 0.2
    width: int = 160
    height: int = 120


@dataclass(frozen=True)
class DrivingOptions:
    """Options of the training of a driving model; `convoy train drive --help` says what each does."""

    towns: int = 100
    rounds: int = 2
    epochs: int = 10
    patience: int = 10
    seed: int = 0
    batch_size: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    dropout: float = 0.1
