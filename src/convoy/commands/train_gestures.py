"""``convoy train gestures``: from labelled movements to a model file."""

from __future__ import annotations

from typing import Annotated

import typer

from convoy.commands import training
from convoy.learning.gesture_options import (
    ENOUGH_SERIES,
    LARGE_SET_EPOCHS,
    LARGE_SET_MEMBERS,
    LARGE_SET_NET,
    SMALL_SET_EPOCHS,
    SMALL_SET_MEMBERS,
    SMALL_SET_NET,
    GestureOptions,
    Net,
)

_DEFAULT = GestureOptions()


def gestures(
    data: Annotated[
        str, typer.Option(help="ts:FILE, shrec:DIR, csv:FILE, bag:DIR or hands:SEEDS, such as hands:0-59.")
    ],
    out: training.Out,
    net: Annotated[
        Net,
        typer.Option(help=f"The network; auto: {SMALL_SET_NET} below {ENOUGH_SERIES} series, else {LARGE_SET_NET}."),
    ] = _DEFAULT.net,
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
    seed: training.Seed = _DEFAULT.seed,
    batch_size: training.BatchSize = _DEFAULT.batch_size,
    lr: training.LearningRate = _DEFAULT.learning_rate,
    weight_decay: training.WeightDecay = _DEFAULT.weight_decay,
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
    licence: training.Licence = "Apache-2.0",
    run: training.Run = None,
    resume: training.Resume = False,
) -> None:
    """Train a network to tell gestures apart.

    Of several networks each is tried on the part that it was not trained on: cross-validation, stated in the card.
    No group (person, where the data tells persons apart) is in both parts.

    Example: convoy train gestures --data hands:0-59 --out models/mine.onnx
    """
    from convoy.learning.gesture_data import open_series

    console = training.console()
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
    with training.bar(console) as bar:
        task = bar.add_task("training", total=None)

        def on_epoch(progress: Progress) -> None:
            bar.update(
                task,
                total=progress.of * options.epochs,
                completed=(progress.member - 1) * options.epochs + progress.epoch.done,
                description=f"training network {progress.member} of {progress.of}",
            )

        trained = train_gestures(series, options, training.run_folder(run, out), resume, on_epoch)
    command = training.command_line()
    card = gesture_card(out.stem, series, options, len(trained.net.members), licence, command)
    tried = trained.predicted >= 0
    score = score_clips(trained.predicted[tried], series.labels[tried], series.classes)
    what = f"{len(trained.net.members)}-fold cross-validation" if tried.all() else "a sixth of the groups, held out"
    figures = {"accuracy": score.accuracy, "low": score.low, "high": score.high}
    if score.rejected is not None:
        figures["rejected"] = score.rejected
    with console.status("writing and checking the model"):
        card = write_model(trained.net, card, series.values[:: max(1, count // 100)], out, lambda _: {what: figures})
    training.tell(console, card, out)
