"""``convoy train drive``: from simulated towns to a model that drives in them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from convoy.learning.options import DrivingOptions

_DEFAULT = DrivingOptions()


def drive(
    out: Annotated[Path, typer.Option(help="ONNX file to write.")],
    towns: Annotated[int, typer.Option(min=2, max=1000, help="Train towns, a minute in each.")] = _DEFAULT.towns,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of DAgger after the first training.")] = _DEFAULT.rounds,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data in each round.")] = _DEFAULT.epochs,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without progress to stop after.")] = _DEFAULT.patience,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same drives and weights.")] = _DEFAULT.seed,
    batch_size: Annotated[int, typer.Option(min=2, help="Images per step.")] = _DEFAULT.batch_size,
    lr: Annotated[float, typer.Option(min=1e-7, max=1.0, help="Highest learning rate.")] = _DEFAULT.learning_rate,
    weight_decay: Annotated[float, typer.Option(min=0.0, help="Of AdamW.")] = _DEFAULT.weight_decay,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.9, help="Before each dense layer.")] = _DEFAULT.dropout,
    run: Annotated[
        Path | None, typer.Option(help="Folder of drives and checkpoints \\[default: runs/train/NAME]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train a policy by imitation of the simulator's expert, with DAgger.

    Recorded drives are kept in the run's folder and not made again.

    Example: convoy train drive --towns 60 --rounds 1 --out models/mine.onnx
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("loading torch"):
        from convoy.learning.imitation import Progress, imitate

    options = DrivingOptions(towns, rounds, epochs, patience, seed, batch_size, lr, weight_decay, dropout)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("recording", total=None)

        def report(progress: Progress) -> None:
            where = f"round {progress.round} of {rounds}"
            if progress.epoch is None:
                bar.update(task, description=f"{where}: drives", completed=progress.drives, total=progress.of_drives)
            else:
                loss = f"loss {progress.epoch.best_loss:.4f} in epoch {progress.epoch.best}"
                bar.update(
                    task,
                    description=f"{where}: training ({loss})",
                    completed=progress.epoch.done,
                    total=progress.epoch.of,
                )

        command = shlex.join(["convoy", *sys.argv[1:]])
        card = imitate(options, run or Path("runs/train") / out.stem, out, command, resume, report)
    for name, figures in card.metrics.items():
        console.print(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))
    console.print(f"wrote {out} ({out.stat().st_size / 1e6:.1f} MB)")
