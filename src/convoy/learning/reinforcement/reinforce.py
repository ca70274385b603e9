"""From nothing, or from the weights of a driving model, to one that has learnt by reinforcement.

A coach learns first, by features, in worlds that need no rendering; then a camera net learns from it, with DAgger.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from convoy.inference import ModelCard
from convoy.learning.imitation import Lesson, Progress, imitate
from convoy.learning.options import DrivingOptions
from convoy.learning.reinforcement.learn import Check, learn
from convoy.learning.reinforcement.options import ReinforcementOptions
from convoy.learning.reinforcement.warm_start import follow_expert


def reinforce(
    options: ReinforcementOptions,
    driving: DrivingOptions,
    folder: Path,
    out: Path,
    command: str,
    start: Path | None = None,
    resume: bool = False,
    report: Callable[[Check | Progress], None] = lambda progress: None,
) -> ModelCard:
    """Train a driving model and write it to `out`.

    `folder` keeps all that is needed to go on with `resume`. `driving` says how the camera net learns from the coach;
    `start` is a model file that the camera net begins as.

    Raises:
        LearningError: see `learn` and `imitate`.
        SimulationError: there is no OpenGL.
        InterruptedTrainingError: Ctrl-C.
    """
    coach, net = folder / "coach", folder / "net"

    def prepare(agent: BaseAlgorithm) -> None:
        if isinstance(agent, PPO) and not options.scratch:
            follow_expert(agent, options)

    learn(options, coach, resume, report, prepare)
    lesson = Lesson(coach, start, scenarios=options.scenarios > 0)
    return imitate(driving, net, out, command, resume and net.exists(), report, lesson)
