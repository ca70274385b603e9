"""What a user can choose about a training, with its defaults. No torch here: the command line shows them at once."""

from __future__ import annotations

import enum
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
    camera_height: float = 1.2
    """m above the ground; this, the pitch and the wheelbase say how a car steers back from where a view is moved to."""
    camera_pitch: float = 0.06
    """rad, the camera's nose down."""
    wheelbase: float = 2.6


class DrivingNetName(enum.StrEnum):
    """The networks that learn to drive."""

    pilotnet = "pilotnet"
    dronet = "dronet"


@dataclass(frozen=True)
class DrivingOptions:
    """Options of the training of a driving model; `convoy train drive --help` says what each does."""

    net: DrivingNetName = DrivingNetName.pilotnet
    towns: int = 100
    seconds: float = 60.0
    rounds: int = 2
    epochs: int = 10
    patience: int = 10
    seed: int = 0
    batch_size: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    dropout: float = 0.1
