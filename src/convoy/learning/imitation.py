"""From nothing to a driving model: demonstrations of the expert, then rounds of DAgger, each from the last weights.

In round r the policy of the round before drives, but for a share beta^r of the stretches; the expert labels all of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convoy.inference import ModelCard
from convoy.learning.demonstrations import Demonstrations, Take, record
from convoy.learning.driving import train_driving
from convoy.learning.driving_card import driving_card, measure_driving
from convoy.learning.driving_nets import AnyDrivingNet
from convoy.learning.driving_weights import load_weights
from convoy.learning.errors import LearningError
from convoy.learning.export import write_model
from convoy.learning.fit import Epoch
from convoy.learning.options import DrivingNetName, DrivingOptions

BETA = 0.5
VALIDATION_DRIVES = 4
"""In towns of the validation split; they end the training early."""
FRAMES_COMPARED = 50


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        round: 0 for the expert's demonstrations, then one for each round of DAgger.
        drives, of_drives: recorded so far in this round.
        epoch: the last one of this round's training; None while drives are recorded.
    """

    round: int
    drives: int
    of_drives: int
    epoch: Epoch | None = None


def imitate(
    options: DrivingOptions,
    folder: Path,
    out: Path,
    command: str,
    resume: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    start: Path | None = None,
) -> ModelCard:
    """Train a driving model and write it to `out`.

    `folder` keeps the drives, the checkpoints and the model of each round: with `resume` a run that was stopped, or
    killed, goes on there and ends with the same weights. The first round drives through `options.towns` train towns,
    each later one through as many divided by the rounds. `start` is a model file whose weights the net has in the
    beginning, and that drives in the first round.

    Raises:
        LearningError: see `record`, `load_weights`, `fit` and `write_model`; or another net can't start from a file.
        SimulationError: there is no OpenGL.
        InterruptedTrainingError: Ctrl-C.
    """
    if start and options.net is not DrivingNetName.pilotnet:
        raise LearningError(f"Only a pilotnet can start from a model file; found {options.net}.")
    held_out = record(folder / "validation", _validation(options))
    validation = Demonstrations.join(list(held_out))
    seen: Demonstrations | None = None
    net: AnyDrivingNet | None = load_weights(start, options.dropout) if start else None
    model = start
    begun = int(model is not None)
    card = None
    for number in range(options.rounds + 1):
        drives = _drives(options, number)
        if model is not None and not resume:  # an older run's policy drove there
            shutil.rmtree(folder / f"drives_{number}", ignore_errors=True)
        made = record(folder / f"drives_{number}", drives, model, BETA ** (number + begun))
        parts = [] if seen is None else [seen]
        for done, drive in enumerate(made, 1):
            parts.append(drive)
            report(Progress(number, done, len(drives)))
        seen = Demonstrations.join(parts)
        del parts, drive  # gigabytes

        def on_epoch(epoch: Epoch, number: int = number, count: int = len(drives)) -> None:
            report(Progress(number, count, count, epoch))

        run = folder / f"round_{number}"
        net = train_driving(seen, validation, options, run, net, resume and run.exists(), on_epoch)
        model = out if number == options.rounds else folder / f"round_{number}.onnx"
        frames = validation.images[:: max(1, len(validation) // FRAMES_COMPARED)]
        card = driving_card(out.stem, options, len(seen), command)
        card = write_model(net, card, frames, model, lambda session: measure_driving(session, validation))
    assert card is not None
    return card


def _drives(options: DrivingOptions, number: int) -> list[Take]:
    """The drives of a round; towns are of the train split, and come again with another drive."""
    from convoy_sim.seeds import SPLITS

    towns = SPLITS["train"]
    count = options.towns if number == 0 else max(1, options.towns // (options.rounds + 1))
    first = 0 if number == 0 else options.towns + (number - 1) * count
    drive = options.seed + number
    return [Take(towns[(first + k) % len(towns)], drive, options.seconds) for k in range(count)]


def _validation(options: DrivingOptions) -> list[Take]:
    from convoy_sim.seeds import SPLITS

    return [Take(town, 0, options.seconds) for town in SPLITS["val"][:VALIDATION_DRIVES]]
