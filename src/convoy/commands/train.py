"""``convoy train``: from recordings to a model file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from convoy.commands import train_drive, train_perception, training
from convoy.commands.train_gestures import gestures
from convoy.learning.options import SteeringOptions

app = typer.Typer(no_args_is_help=True, help="Train a model on recordings; it becomes one ONNX file with its card.")

_DEFAULT = SteeringOptions()


@app.callback()
def train() -> None:
    """Train a model on recordings; it becomes one ONNX file with its card."""


app.command()(gestures)
app.command()(train_drive.drive)
train_perception.add_to(app)


@app.command()
def steering(
    data: Annotated[list[str], typer.Option(help="tub:DIR, udacity:DIR or bag:DIR; may be given several times.")],
    out: training.Out,
    epochs: training.Epochs = _DEFAULT.epochs,
    patience: training.Patience = _DEFAULT.patience,
    seed: training.Seed = _DEFAULT.seed,
    batch_size: training.BatchSize = _DEFAULT.batch_size,
    lr: training.LearningRate = _DEFAULT.learning_rate,
    weight_decay: training.WeightDecay = _DEFAULT.weight_decay,
    dropout: training.Dropout = _DEFAULT.dropout,
    members: Annotated[
        int, typer.Option(min=1, max=20, help="Nets, each from a seed of its own, whose mean is the angle.")
    ] = _DEFAULT.members,
    batch_norm: Annotated[bool, typer.Option(help="After each convolution.")] = _DEFAULT.batch_norm,
    mirror: Annotated[bool, typer.Option(help="Mirror half of the images, and their angles.")] = _DEFAULT.mirror,
    augment: Annotated[bool, typer.Option(help="Vary the light and the camera's pose.")] = _DEFAULT.augment,
    crop_top: Annotated[
        float, typer.Option(min=0.0, max=0.8, help="Share of the image's height that is cut off above.")
    ] = _DEFAULT.crop_top,
    size: Annotated[
        str, typer.Option(help="WIDTHxHEIGHT that images are brought to.")
    ] = f"{_DEFAULT.width}x{_DEFAULT.height}",
    start: Annotated[
        Path | None,
        typer.Option(
            help="Model of `convoy train drive` that the nets begin as; without camera_info, with its convolutions."
        ),
    ] = None,
    camera_height: Annotated[
        float, typer.Option(min=0.01, help="m above the ground, with --start: how moved views are steered back.")
    ] = _DEFAULT.camera_height,
    camera_pitch: Annotated[float, typer.Option(help="rad, the camera's nose down, likewise.")] = _DEFAULT.camera_pitch,
    wheelbase: Annotated[float, typer.Option(min=0.01, help="m, likewise.")] = _DEFAULT.wheelbase,
    image_topic: Annotated[str, typer.Option(help="Of bags with several image topics.")] = "",
    drive_topic: Annotated[str, typer.Option(help="Of bags with several AckermannDriveStamped topics.")] = "",
    licence: training.Licence = "Apache-2.0",
    run: training.Run = None,
    resume: training.Resume = False,
    log: Annotated[Path | None, typer.Option(help="File that takes a line of JSON for each epoch.")] = None,
) -> None:
    """Train a steering model (PilotNet) to imitate a human's drives.

    The last 20 % of each recording are never trained on; the model's card states how well it does there.

    Example: convoy train steering --data tub:drives/monday --data bag:drives/tuesday --out models/mine.onnx
    """
    from convoy.learning.recordings import open_drive

    width, height = _size(size)
    console = training.console()
    with console.status("reading the recordings"):
        drives = [open_drive(spec, image_topic, drive_topic) for spec in data]
    for drive in drives:
        frames, held_out = len(drive.frames("train")), len(drive.frames("held-out"))
        console.print(f"{drive.spec}: {frames} frames to train on, {held_out} held out")

    with console.status("loading torch"):
        import numpy as np

        from convoy.evaluation.steering import score
        from convoy.inference import ModelCard, Session
        from convoy.learning.export import write_model
        from convoy.learning.fit import Epoch
        from convoy.learning.steering import train_steering, view_of
        from convoy.learning.steering_card import steering_card

    options = SteeringOptions(
        epochs=epochs,
        patience=patience,
        seed=seed,
        batch_size=batch_size,
        learning_rate=lr,
        weight_decay=weight_decay,
        dropout=dropout,
        members=members,
        batch_norm=batch_norm,
        mirror=mirror,
        augment=augment,
        crop_top=crop_top,
        width=width,
        height=height,
        camera_height=camera_height,
        camera_pitch=camera_pitch,
        wheelbase=wheelbase,
    )
    with training.bar(console) as bar:
        tasks = [bar.add_task(f"net {number + 1} of {members}", total=epochs) for number in range(members)]

        def on_epoch(member: int, epoch: Epoch) -> None:
            best = f"validation rmse {math.sqrt(epoch.best_loss):.4f} rad in epoch {epoch.best}"
            description = f"net {member + 1} of {members} ({best})"
            bar.update(tasks[member], completed=epoch.done, total=epoch.of, description=description)
            if log:
                line = {"net": member, "epoch": epoch.done, "of": epoch.of, "rmse": math.sqrt(epoch.loss)}
                line["loss"] = epoch.training
                with log.open("a") as file:
                    file.write(json.dumps(line) + "\n")

        trained = train_steering(drives, options, training.run_folder(run, out), resume, on_epoch, start)
    begun = ModelCard.read(start) if start else None
    view, command = view_of(drives, start), training.command_line()
    card = steering_card(out.stem, drives, options, trained.constant, licence, command, begun, view)

    def measure(session: Session) -> dict[str, dict[str, float]]:
        scores = {}
        for drive in drives:
            frames = drive.frames("held-out")
            human = drive.angles[frames.start : frames.stop]
            predicted = np.fromiter(drive.predict(session, frames), np.float64)
            figures = score(predicted, human, card.constant).as_dict()
            scores[f"{drive.name}, last 20 %"] = {name: value for name, value in figures.items() if value is not None}
        return scores

    with console.status("writing and checking the model"):
        card = write_model(trained.net, card, trained.samples, out, measure)
    training.tell(console, card, out)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or not (16 <= int(width) <= 4096 and 16 <= int(height) <= 4096):
        raise typer.BadParameter(
            f"{text!r}; wanted WIDTHxHEIGHT, each 16 to 4096, such as 160x120", param_hint="--size"
        )
    return int(width), int(height)
