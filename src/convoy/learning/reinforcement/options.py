"""What a user can choose about reinforcement, with its defaults. No torch here."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Algorithm(enum.StrEnum):
    """The algorithms of stable-baselines3 that learn to drive."""

    ppo = "ppo"
    sac = "sac"
    td3 = "td3"
    dqn = "dqn"


@dataclass(frozen=True)
class ReinforcementOptions:
    """Options of reinforcement; `convoy train drive --help` says what each does."""

    algo: Algorithm = Algorithm.ppo
    start: str = ""
    """Model file to begin with; none: from nothing."""
    steps: int = 50_000
    seconds: float = 60.0
    envs: int = 4
    seed: int = 0
    learning_rate: float = 3e-4
    guidance: float = 1.0
    scenarios: float = 0.85
    curriculum: bool = False
    randomise: bool = False
    shield: bool = False
    check_every: int = 10_000
    patience: int = 6
