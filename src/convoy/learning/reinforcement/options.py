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


class Observation(enum.StrEnum):
    """What the policy that learns is told.

    coach: all that one look tells, exactly; a camera net then learns from it (`convoy.learning.reinforcement.coach`).
    pixels: the camera's view; the net that drives learns by itself.
    """

    coach = "coach"
    pixels = "pixels"


@dataclass(frozen=True)
class ReinforcementOptions:
    """Options of reinforcement; `convoy train drive --help` says what each does."""

    algo: Algorithm = Algorithm.ppo
    observation: Observation = Observation.coach
    steps: int = 1_000_000
    seconds: float = 60.0
    envs: int = 8
    seed: int = 0
    learning_rate: float = 1e-4
    scratch: bool = False
    scenarios: float = 0.6
    curriculum: bool = False
    randomise: bool = False
    shield: bool = False
    freeze: bool = False
    check_every: int = 50_000
    patience: int = 6
