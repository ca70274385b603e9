"""``convoy train drive``: from simulated towns to a model that drives in them."""

from __future__ import annotations

from typing import Annotated

import typer

from convoy.commands import training
from convoy.learning.options import DrivingNetName, DrivingOptions

_DEFAULT = DrivingOptions()


def drive(
    out: training.Out,
    net: Annotated[
        DrivingNetName, typer.Option(help="The network; dronet slows the car by the probability of a collision.")
    ] = _DEFAULT.net,
    towns: Annotated[int, typer.Option(min=2, max=1000, help="Train towns.")] = _DEFAULT.towns,
    seconds: Annotated[float, typer.Option(min=1.0, max=3600.0, help="Driven in each town.")] = _DEFAULT.seconds,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of DAgger after the first training.")] = _DEFAULT.rounds,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data in each round.")] = _DEFAULT.epochs,
    patience: training.Patience = _DEFAULT.patience,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same drives and weights.")] = _DEFAULT.seed,
    batch_size: training.BatchSize = _DEFAULT.batch_size,
    lr: training.LearningRate = _DEFAULT.learning_rate,
    weight_decay: training.WeightDecay = _DEFAULT.weight_decay,
    dropout: training.Dropout = _DEFAULT.dropout,
    run: training.Run = None,
    resume: training.Resume = False,
) -> None:
    """Train a policy by imitation of the simulator's expert, with DAgger.

    Recorded drives of the expert are kept in the run's folder and not made again.

    Example: convoy train drive --towns 60 --rounds 1 --out models/mine.onnx
    """
    console = training.console()
    with console.status("loading torch"):
        from convoy.learning.imitation import Progress, imitate

    options = DrivingOptions(net, towns, seconds, rounds, epochs, patience, seed, batch_size, lr, weight_decay, dropout)
    with training.bar(console) as bar:
        task = bar.add_task("recording", total=None)

        def report(progress: Progress) -> None:
            where, epoch = f"round {progress.round} of {rounds}", progress.epoch
            if epoch is None:
                said, done, total = f"{where}: drives", progress.drives, progress.of_drives
            else:
                said = f"{where}: training (loss {epoch.best_loss:.4f} in epoch {epoch.best})"
                done, total = epoch.done, epoch.of
            bar.update(task, description=said, completed=done, total=total)

        card = imitate(options, training.run_folder(run, out), out, training.command_line(), resume, report)
    training.tell(console, card, out)
