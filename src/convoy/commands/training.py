"""What the verbs of ``convoy train`` share: options, the bar of progress, and what is said in the end."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from convoy.inference import ModelCard
    from convoy.learning.datasets.sample_list import SampleList

Out = Annotated[Path, typer.Option(help="ONNX file to write.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the data, at most.")]
Patience = Annotated[int, typer.Option(min=1, help="Epochs without progress to stop after.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same weights (on the CPU).")]
BatchSize = Annotated[int, typer.Option(min=2, help="Examples per step.")]
LearningRate = Annotated[float, typer.Option("--lr", min=1e-7, max=1.0, help="Highest learning rate.")]
WeightDecay = Annotated[float, typer.Option(min=0.0, help="Of AdamW.")]
Dropout = Annotated[float, typer.Option(min=0.0, max=0.9, help="Before each dense layer.")]
Licence = Annotated[str, typer.Option(help="Licence of the model, for its card.")]
Run = Annotated[Path | None, typer.Option(help="Folder of what the run keeps \\[default: runs/train/NAME]")]
SkipMissing = Annotated[bool, typer.Option("--skip-missing", help="Leave samples out that can't be read.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]


def run_folder(run: Path | None, out: Path) -> Path:
    """Where checkpoints go: as asked for, or by the name of the model."""
    return run or Path("runs/train") / out.stem


def size_of(text: str) -> tuple[int, int]:
    """Width and height that ``--size`` says.

    Raises:
        typer.BadParameter: it says none, or such as no net takes.
    """
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if not found or not all(32 <= int(side) <= 4096 for side in found.groups()):
        raise typer.BadParameter(
            f"{text!r}; wanted WIDTHxHEIGHT, each 32 to 4096, such as 320x240", param_hint="--size"
        )
    return int(found[1]), int(found[2])


def command_line() -> str:
    """The command that is running, for the model's card; --resume makes no other model."""
    return shlex.join(["convoy", *(argument for argument in sys.argv[1:] if argument != "--resume")])


def console() -> Console:
    """Where a training is told of, beside what a shell would read."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def bar(console: Console) -> Progress:
    """A bar for each task: what it is, how many of how many, and the time that is left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console)


def faults(found: SampleList) -> list[str]:
    """What was wrong with a data set and was put right or left out, in lines."""
    report = found.report
    lines = [f"{found.name}: {what}: {count}" for what, count in report.counts.items()]
    if report.skipped:
        lines += [f"{found.name}: {len(report.skipped)} of {report.of} samples left out:", *report.skipped]
    return lines


def tell(console: Console, card: ModelCard, out: Path) -> None:
    """Say how good the model is, and where it lies."""
    for name, figures in card.metrics.items():
        console.print(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))
    console.print(f"wrote {out} ({out.stat().st_size / 1e6:.1f} MB)")
