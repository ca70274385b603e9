"""From nothing, or from the weights of a driving model, to one that has learnt by reinforcement.

A coach learns first, by features, in worlds that need no rendering; then a camera net learns from it, with DAgger. Or,
with pixels, the camera net learns by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from convoy.inference import ModelCard
from convoy.learning.demonstrations import Demonstrations, Take, record
from convoy.learning.driving_card import driving_card, measure_driving
from convoy.learning.driving_weights import load_weights
from convoy.learning.export import write_model
from convoy.learning.imitation import FRAMES_COMPARED, VALIDATION_DRIVES, Lesson, Progress, imitate
from convoy.learning.options import DrivingOptions
from convoy.learning.reinforcement.camera_net import CameraNet, begin_with
from convoy.learning.reinforcement.learn import Check, learn
from convoy.learning.reinforcement.options import Observation, ReinforcementOptions
from convoy.learning.reinforcement.warm_start import follow_expert
from convoy_sim.seeds import SPLITS


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
    begun = load_weights(start, driving.dropout) if start else None

    def prepare(agent: BaseAlgorithm) -> None:
        if options.observation is Observation.pixels:
            if begun is not None:
                begin_with(agent, begun)
        elif isinstance(agent, PPO) and not options.scratch:
            follow_expert(agent, options)

    kept = folder / ("coach" if options.observation is Observation.coach else "policy")
    agent = learn(options, kept, resume, report, prepare)
    if options.observation is Observation.pixels:
        return _export(agent, options, driving, folder, out, command)
    net = folder / "net"
    lesson = Lesson(kept, start, scenarios=options.scenarios > 0)
    return imitate(driving, net, out, command, resume and net.exists(), report, lesson)


def _export(
    agent: BaseAlgorithm,
    options: ReinforcementOptions,
    driving: DrivingOptions,
    folder: Path,
    out: Path,
    command: str,
) -> ModelCard:
    """Write the net that an agent of pixels has become."""
    takes = [Take(town, 0, driving.seconds) for town in SPLITS["val"][:VALIDATION_DRIVES]]
    seen = Demonstrations.join(list(record(folder / "validation", takes)))
    frames = seen.images[:: max(1, len(seen) // FRAMES_COMPARED)]
    card = driving_card(out.stem, replace(driving, seed=options.seed), agent.num_timesteps, command)
    said = f"{card.description.rpartition(',')[0]}. It learnt by {options.algo.upper()} in train towns."
    return write_model(
        CameraNet(agent),
        card.model_copy(update={"description": said}),
        frames,
        out,
        lambda session: measure_driving(session, seen),
    )
