"""From nothing to a driving model: demonstrations of the expert, then rounds of DAgger, each from the last weights.

In round r the policy of the round before drives, but for a share beta^r of the stretches; the expert labels all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convoy.inference import CameraInput, DataSource, ModelCard, ModelOutput, Session
from convoy.learning.demonstrations import VIEW, Demonstrations, record
from convoy.learning.driving import INSTRUCTIONS, DrivingNet, train_driving
from convoy.learning.export import write_model
from convoy.learning.fit import Epoch
from convoy.learning.options import DrivingOptions
from convoy.learning.steering_card import code_revision

BETA = 0.5
DRIVE_S = 60.0
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

    `folder` keeps the drives, the checkpoints and the model of each round: a run that was stopped goes on there. The
    first round drives through `options.towns` train towns, each later one through as many divided by the rounds.

    Raises:
        LearningError: see `fit` and `write_model`.
        SimulationError: there is no OpenGL.
        InterruptedTrainingError: Ctrl-C.
    """
    from convoy_sim.seeds import SPLITS

    held_out = [(town, 0) for town in SPLITS["val"][:VALIDATION_DRIVES]]
    validation = Demonstrations.join(list(record(folder / "validation", held_out, DRIVE_S)))
    seen: list[Demonstrations] = []
    net: DrivingNet | None = None
    model: Path | None = None
    card = None
    for number in range(options.rounds + 1):
        drives = _drives(options, number)
        for done, drive in enumerate(record(folder / f"drives_{number}", drives, DRIVE_S, model, BETA**number), 1):
            seen.append(drive)
            report(Progress(number, done, len(drives)))

        def on_epoch(epoch: Epoch, number: int = number, count: int = len(drives)) -> None:
            report(Progress(number, count, count, epoch))

        run = folder / f"round_{number}"
        net = train_driving(Demonstrations.join(seen), validation, options, run, net, resume and run.exists(), on_epoch)
        model = out if number == options.rounds else folder / f"round_{number}.onnx"
        frames = validation.images[:: max(1, len(validation) // FRAMES_COMPARED)]
        card = write_model(
            net, _card(out.stem, options, seen, command), frames, model, lambda s: _measure(s, validation)
        )
    assert card is not None
    return card


def _drives(options: DrivingOptions, number: int) -> list[tuple[int, int]]:
    """(town, drive) of a round; towns are of the train split, and come again with another drive."""
    from convoy_sim.seeds import SPLITS

    towns = SPLITS["train"]
    count = options.towns if number == 0 else max(1, options.towns // (options.rounds + 1))
    first = 0 if number == 0 else options.towns + (number - 1) * count
    return [(towns[(first + k) % len(towns)], options.seed + number) for k in range(count)]


def _measure(session: Session, validation: Demonstrations) -> dict[str, dict[str, float]]:
    commands = np.stack([session.run(image)["commands"] for image in validation.images])
    given = commands[np.arange(len(commands)), validation.instructions]
    return {
        "drives of the expert in validation towns": {
            "frames": float(len(validation)),
            "angle_rmse_rad": float(np.sqrt(np.mean((given[:, 0] - validation.angles) ** 2))),
            "angle_constant_rmse_rad": float(validation.angles.std()),
            "speed_mae_mps": float(np.mean(np.abs(given[:, 1] - validation.speeds))),
        }
    }


def _card(name: str, options: DrivingOptions, seen: Sequence[Demonstrations], command: str) -> ModelCard:
    return ModelCard(
        name=name,
        task="drive",
        description="PilotNet (Bojarski et al. 2016) with a head for each instruction of the route (Codevilla et al. "
        "2018): steers and sets the speed of a car in simulated towns, as the expert does.",
        input=CameraInput.of_view(VIEW),
        outputs=(
            ModelOutput(
                name="commands",
                unit="rad, m/s",
                description="(4, 2): for each class the angle of a virtual front wheel, left positive, and the speed",
            ),
        ),
        classes=INSTRUCTIONS,
        trained_on=(
            DataSource(
                name="simulated towns",
                licence="Apache-2.0, made by convoy_sim",
                frames=sum(map(len, seen)),
                part="train towns; validation towns ended the training, test towns are held out",
            ),
        ),
        seeds=(options.seed,),
        licence="Apache-2.0",
        revision=code_revision(),
        command=command,
    )
