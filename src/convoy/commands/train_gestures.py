"""``convoy train gestures``: from labelled movements to a model file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from convoy.learning.gesture_options import (
    ENOUGH_SERIES,
    LARGE_SET_EPOCHS,
    LARGE_SET_MEMBERS,
    SMALL_SET_EPOCHS,
    SMALL_SET_MEMBERS,
    GestureOptions,
    Net,
)

_DEFAULT = GestureOptions()


def gestures(
    data: Annotated[
        str, typer.Option(help="ts:FILE, shrec:DIR, csv:FILE, bag:DIR or hands:SEEDS, such as hands:0-59.")
    ],
    out: Annotated[Path, typer.Option(help="ONNX file to write.")],
    net: Annotated[Net, typer.Option(help="The network.")] = _DEFAULT.net,
    ways: Annotated[
        bool, typer.Option("--ways", help="One finger and whole hand are two classes: 28, not 14.")
    ] = False,
    epochs: Annotated[
        int,
        typer.Option(
            min=0,
            help=f"Passes over the data; 0: {SMALL_SET_EPOCHS} below {ENOUGH_SERIES} series, else {LARGE_SET_EPOCHS}.",
        ),
    ] = _DEFAULT.epochs,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same weights (on the CPU).")] = _DEFAULT.seed,
    batch_size: Annotated[int, typer.Option(min=2, help="Series per step.")] = _DEFAULT.batch_size,
    lr: Annotated[float, typer.Option(min=1e-7, max=1.0, help="Highest learning rate.")] = _DEFAULT.learning_rate,
    weight_decay: Annotated[float, typer.Option(min=0.0, help="Of AdamW.")] = _DEFAULT.weight_decay,
    label_smoothing: Annotated[float, typer.Option(min=0.0, max=0.5)] = _DEFAULT.label_smoothing,
    augment: Annotated[bool, typer.Option(help="Vary size, place, view, speed and noise.")] = _DEFAULT.augment,
    members: Annotated[
        int,
        typer.Option(
            min=0,
            max=32,
            help="Networks that vote in the one file, each trained without another part of the data; "
            f"0: {SMALL_SET_MEMBERS} below {ENOUGH_SERIES} series, else {LARGE_SET_MEMBERS}.",
        ),
    ] = _DEFAULT.members,
    licence: Annotated[str, typer.Option(help="Licence of the model, for its card.")] = "Apache-2.0",
    run: Annotated[Path | None, typer.Option(help="Folder of the checkpoints \\[default: runs/train/NAME]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train a network to tell gestures apart.

    Of several networks each is tried on the part that it was not trained on: cross-validation, stated in the card.
    No group (person, where the data tells persons apart) is in both parts.

    Example: convoy train gestures --data hands:0-59 --net dd-net --out models/mine.onnx
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from convoy.learning.gesture_data import open_series

    console = Console(stderr=True)
    with console.status("reading the data"):
        series = open_series(data, ways)
    count, steps, channels = series.values.shape
    console.print(f"{data}: {count} series of {channels} channels and {steps} steps, {len(series.classes)} classes")

    from convoy.evaluation.gestures import score_clips
    from convoy.learning.export import write_model
    from convoy.learning.gesture_card import gesture_card
    from convoy.learning.gestures import Progress, train_gestures

    options = GestureOptions(
        net, epochs, seed, batch_size, lr, weight_decay, label_smoothing, augment, members
    ).settled(count)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("", total=None)

        def on_epoch(progress: Progress) -> None:
            epoch = progress.epoch
            which = f"network {progress.member} of {progress.of}"
            bar.update(
                task,
                total=progress.of * options.epochs,
                completed=(progress.member - 1) * options.epochs + epoch.done,
                description=which,
            )

        trained = train_gestures(series, options, run or Path("runs/train") / out.stem, resume, on_epoch)
    command = shlex.join(["convoy", *sys.argv[1:]])
    card = gesture_card(out.stem, series, options, len(trained.net.members), licence, command)
    tried = trained.predicted >= 0
    score = score_clips(trained.predicted[tried], series.labels[tried], series.classes)
    what = f"{len(trained.net.members)}-fold cross-validation" if tried.all() else "a sixth of the groups, held out"
    figures = {"accuracy": score.accuracy, "low": score.low, "high": score.high}
    if score.rejected is not None:
        figures["rejected"] = score.rejected
    with console.status("writing and checking the model"):
        card = write_model(trained.net, card, series.values[:: max(1, count // 100)], out, lambda _: {what: figures})
    for name, values in card.metrics.items():
        console.print(f"{name}: " + ", ".join(f"{key} {value:.4f}" for key, value in values.items()), highlight=False)
    console.print(f"wrote {out} ({out.stat().st_size / 1e6:.1f} MB)", highlight=False)
