"""From nothing, or from a driving model, to one that has learnt by reinforcement.

A model to begin with has learnt to see: its convolutions stay as they are, and the layers after them learn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm

from convoy.inference import ModelCard
from convoy.learning.demonstrations import Demonstrations, Take, record
from convoy.learning.driving_card import driving_card, measure_driving
from convoy.learning.driving_weights import load_weights
from convoy.learning.export import write_model
from convoy.learning.imitation import FRAMES_COMPARED, VALIDATION_DRIVES
from convoy.learning.options import DrivingOptions
from convoy.learning.reinforcement.camera_net import CameraNet, begin_with, parts
from convoy.learning.reinforcement.learn import Check, learn
from convoy.learning.reinforcement.options import ReinforcementOptions
from convoy_sim.seeds import SPLITS


def reinforce(
    options: ReinforcementOptions,
    folder: Path,
    out: Path,
    command: str,
    resume: bool = False,
    report: Callable[[Check], None] = lambda progress: None,
) -> ModelCard:
    """Train a driving model and write it to `out`; `folder` keeps all that is needed to go on with `resume`.

    Raises:
        ModelError, LearningError: of the model to begin with, see `load_weights`; or see `learn`.
        SimulationError: there is no OpenGL.
        InterruptedTrainingError: Ctrl-C.
    """
    begun = load_weights(Path(options.start), dropout=0.0).eval() if options.start else None

    def prepare(agent: BaseAlgorithm) -> None:
        if begun is not None:
            begin_with(agent, begun)

    agent = learn(options, folder / "policy", resume, report, prepare)
    takes = [Take(town, 0, options.seconds) for town in SPLITS["val"][:VALIDATION_DRIVES]]
    seen = Demonstrations.join(list(record(folder / "validation", takes)))
    frames = seen.images[:: max(1, len(seen) // FRAMES_COMPARED)]
    card = driving_card(out.stem, DrivingOptions(seed=options.seed), agent.num_timesteps, command)
    said = f"{card.description.rpartition(',')[0]}. It learnt by {options.algo.upper()} in train towns."
    return write_model(
        CameraNet(agent, parts(begun)[0] if begun else None),
        card.model_copy(update={"description": said}),
        frames,
        out,
        lambda session: measure_driving(session, seen),
    )
