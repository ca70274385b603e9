"""From nothing to a driving model: demonstrations of the expert, then rounds of DAgger, each from the last weights.

In round r the policy of the round before drives, but for a share beta^r of the stretches; the expert labels all of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convoy.inference import ModelCard
from convoy.learning.demonstrations import Demonstrations, record
from convoy.learning.driving import train_driving
from convoy.learning.driving_card import driving_card, measure_driving
from convoy.learning.driving_nets import AnyDrivingNet
from convoy.learning.export import write_model
from convoy.learning.fit import Epoch
from convoy.learning.options import DrivingOptions

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
) -> ModelCard:
    """Train a driving model and write it to `out`.

    `folder` keeps the drives, the checkpoints and the model of each round: with `resume` a run that was stopped, or
    killed, goes on there and ends with the same weights. The first round drives through `options.towns` train towns,
    each later one through as many divided by the rounds.

    Raises:
        LearningError: see `record`, `fit` and `write_model`.
        SimulationError: there is no OpenGL.
        InterruptedTrainingError: Ctrl-C.
    """
    from convoy_sim.seeds import SPLITS

    held_out = [(town, 0) for town in SPLITS["val"][:VALIDATION_DRIVES]]
    validation = Demonstrations.join(list(record(folder / "validation", held_out, options.seconds)))
    seen: list[Demonstrations] = []
    net: AnyDrivingNet | None = None
    model: Path | None = None
    card = None
    for number in range(options.rounds + 1):
        drives = _drives(options, number)
        if number and not resume:  # an older run's policy drove there
            shutil.rmtree(folder / f"drives_{number}", ignore_errors=True)
        made = record(folder / f"drives_{number}", drives, options.seconds, model, BETA**number)
        for done, drive in enumerate(made, 1):
            seen.append(drive)
            report(Progress(number, done, len(drives)))

        def on_epoch(epoch: Epoch, number: int = number, count: int = len(drives)) -> None:
            report(Progress(number, count, count, epoch))

        run = folder / f"round_{number}"
        shown = Demonstrations.join(seen)
        net = train_driving(shown, validation, options, run, net, resume and run.exists(), on_epoch)
        model = out if number == options.rounds else folder / f"round_{number}.onnx"
        frames = validation.images[:: max(1, len(validation) // FRAMES_COMPARED)]
        card = driving_card(out.stem, options, sum(map(len, seen)), command)
        card = write_model(net, card, frames, model, lambda session: measure_driving(session, validation))
    assert card is not None
    return card


def _drives(options: DrivingOptions, number: int) -> list[tuple[int, int]]:
    """(town, drive) of a round; towns are of the train split, and come again with another drive."""
    from convoy_sim.seeds import SPLITS

    towns = SPLITS["train"]
    count = options.towns if number == 0 else max(1, options.towns // (options.rounds + 1))
    first = 0 if number == 0 else options.towns + (number - 1) * count
    return [(towns[(first + k) % len(towns)], options.seed + number) for k in range(count)]
