"""What driving in simulated towns is worth on a real track: as it is, and as the start of a training.

A policy of `convoy train drive` looks at the held-out end of a recorded drive without ever having seen the track, and
then lends its convolutions to steering nets that are trained on the drive's beginning, beside nets that start from
nothing. All nets see the same images in the same order; figures are of the held-out last 20 %.

    python benchmarks/transfer.py --policy models/drive_il.onnx --data tub:mycar/data --json transfer.json
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer

from convoy.evaluation.steering import score
from convoy.inference import Projector, Session
from convoy.interfaces.messages import CameraInfo, make
from convoy.learning.options import SteeringOptions
from convoy.learning.recordings import Drive, open_drive
from convoy.learning.steering import train_steering

FOLLOW = 0


def main(
    policy: Annotated[Path, typer.Option(help="Model with task 'drive', of PilotNet.")],
    data: Annotated[str, typer.Option(help="tub:DIR, udacity:DIR or bag:DIR.")],
    fov: Annotated[
        float, typer.Option(help="Degrees that the camera sees from side to side, as no one has said.")
    ] = 90,
    epochs: Annotated[int, typer.Option(min=1, help="Of each net.")] = 30,
    seeds: Annotated[int, typer.Option(min=1, help="Nets of each kind.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure; print a table and write JSON."""
    drive = open_drive(data)
    frames = drive.frames("held-out")
    human = drive.angles[frames.start : frames.stop]
    constant = float(drive.angles[: frames.start].mean())
    rows = {"policy as it is": [score(as_it_is(policy, drive, fov), human, constant).rmse_rad]}
    for name, start in (("from nothing", None), ("from the policy", policy)):
        options = SteeringOptions(epochs=epochs, patience=epochs, members=1)
        rows[name] = [trained(drive, replace(options, seed=seed), start) for seed in range(seeds)]
    rmse = score(np.full(len(human), constant), human, constant).rmse_rad
    print(f"always the mean angle: rmse {rmse:.4f} rad on {len(human)} frames")
    for name, found in rows.items():
        spread = f" +- {statistics.stdev(found):.4f}" if len(found) > 1 else ""
        print(f"{name}: rmse {statistics.mean(found):.4f}{spread} rad, {statistics.mean(found) / rmse:.2f} of that")
    if json_file is not None:
        settings = {"policy": policy.name, "data": data, "fov_degrees": fov, "epochs": epochs, "frames": len(human)}
        json_file.write_text(json.dumps(settings | {"constant_rmse_rad": rmse, "rmse_rad": rows}, indent=2) + "\n")


def as_it_is(policy: Path, drive: Drive, fov: float) -> np.ndarray:
    """The angles of a policy that takes the camera for a pinhole without distortion, level, that sees so much."""
    session = Session.load(policy, task="drive", device="cpu", threads=1)
    angles = []
    projector: Projector | None = None
    for image in drive.decode(drive.frames("held-out")):
        if projector is None:
            projector = Projector(session.card.camera.view)
            projector.calibrate(pinhole(image.shape[1], image.shape[0], fov))
        angles.append(session.run(projector.project(image))["commands"][FOLLOW, 0])
    return np.array(angles)


def pinhole(width: int, height: int, fov: float) -> CameraInfo:
    """The calibration of a camera of which only the angle of view is known, or guessed."""
    f = width / 2 / math.tan(math.radians(fov) / 2)
    k = np.array([f, 0, (width - 1) / 2, 0, f, (height - 1) / 2, 0, 0, 1], np.float64)
    p = np.insert(k.reshape(3, 3), 3, 0, axis=1).ravel()
    d, r = np.zeros(5), np.eye(3).ravel()
    return make(CameraInfo, width=width, height=height, distortion_model="plumb_bob", d=d, k=k, r=r, p=p)


def trained(drive: Drive, options: SteeringOptions, start: Path | None) -> float:
    """The error of one net on the held-out part of the drive that it was trained on."""
    with tempfile.TemporaryDirectory() as folder:
        net = train_steering([drive], options, Path(folder), start=start).net.eval()
    frames = drive.frames("held-out")
    images = (cv2.resize(image, (options.width, options.height)) for image in drive.decode(frames))
    with torch.no_grad():
        angles = [float(net(torch.from_numpy(image)[None])) for image in images]
    print(f"seed {options.seed}, {'from the policy' if start else 'from nothing'}: {asdict(options)['epochs']} epochs")
    return score(np.array(angles), drive.angles[frames.start : frames.stop], None).rmse_rad


if __name__ == "__main__":
    typer.run(main)
