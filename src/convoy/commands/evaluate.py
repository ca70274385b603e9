"""``convoy evaluate``: how good is a model, on recordings and on simulated roads?"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from convoy.commands import evaluate_perception
from convoy.commands.evaluate_drive import drive
from convoy.commands.evaluate_gestures import gestures

app = typer.Typer(no_args_is_help=True, help="Measure a model, with the same code that the robot runs.")


class Part(enum.StrEnum):
    """What of each recording is looked at."""

    held_out = "held-out"
    train = "train"
    all = "all"


@app.callback()
def evaluate() -> None:
    """Measure a model, with the same code that the robot runs."""


app.command()(drive)
app.command()(gestures)
evaluate_perception.add_to(app)


@app.command()
def steering(
    model: Annotated[Path, typer.Option(help="ONNX file with task 'steering'.")],
    data: Annotated[list[str], typer.Option(help="tub:DIR, udacity:DIR or bag:DIR; may be given several times.")],
    json: Annotated[Path | None, typer.Option(help="File to write the figures to.")] = None,
    part: Annotated[
        Part, typer.Option(help="Of each recording: the last 20 %, the first 80 %, or all of it.")
    ] = Part.held_out,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or tensorrt.")] = "auto",
    image_topic: Annotated[str, typer.Option(help="Of bags with several image topics.")] = "",
    drive_topic: Annotated[str, typer.Option(help="Of bags with several AckermannDriveStamped topics.")] = "",
) -> None:
    """Compare a steering model with the human who drove.

    Prints frames, rmse_rad, mae_rad, constant_rmse_rad (the error of always steering the mean of the training
    targets) and ratio = rmse_rad / constant_rmse_rad.

    Example: convoy evaluate steering --model models/rc_steering.onnx --data tub:drives/monday --json score.json
    """
    import json as codec

    import numpy as np
    from rich.console import Console
    from rich.progress import track

    from convoy.evaluation.steering import score
    from convoy.inference import Session
    from convoy.learning.recordings import open_drive

    console = Console(stderr=True)
    session = Session.load(model, "steering", device)
    drives = [open_drive(spec, image_topic, drive_topic) for spec in data]
    chosen = [drive.frames(part.value) for drive in drives]
    total = sum(map(len, chosen))
    angles = (angle for drive, frames in zip(drives, chosen, strict=True) for angle in drive.predict(session, frames))
    predicted = np.fromiter(track(angles, "evaluating", total, console=console, transient=True), np.float64)
    human = np.concatenate([drive.angles[list(frames)] for drive, frames in zip(drives, chosen, strict=True)])
    figures = score(predicted, human, session.card.constant).as_dict()
    for name, value in figures.items():
        print(f"{name:18}", "-" if value is None else value if name == "frames" else f"{value:.4f}")
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(codec.dumps({"model": str(model), "data": data, "part": part.value} | figures, indent=1) + "\n")
