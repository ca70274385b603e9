"""How much of what a model learned in simulated towns is left on real pictures: classes of pixels, and depth.

Classes of the model that a data set has no name for count as the one they are part of there (--same); classes of the
data set that the model never learned are left out of the mean, and told.

    python benchmarks/real_frames.py --model models/perception.onnx --classes folder:CAMVID#val --depth rgbd:KITCHEN#val
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from convoy.evaluation.depth_score import DepthScore
from convoy.evaluation.segmentation_score import SegmentationScore
from convoy.inference import Session
from convoy.learning.datasets.spec import open_dataset

SAME = ["road_marking=road", "grass=tree", "traffic_light=sign"]
"""As CamVid's eleven classes have it."""


def main(
    model: Annotated[Path, typer.Option(help="Model that gives mask and depth, or one of them.")],
    task: Annotated[str, typer.Option(help="Of the model.")] = "perception",
    classes: Annotated[str, typer.Option(help="Data with masks to measure classes on.")] = "",
    depth: Annotated[str, typer.Option(help="Data with depth.")] = "",
    same: Annotated[list[str], typer.Option(help="MODEL=DATA, names of classes.")] = SAME,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure; print the figures and write JSON."""
    session = Session.load(model, task, device="cpu")
    found: dict[str, float] = {}
    if classes:
        found |= of_classes(session, classes, dict(pair.split("=") for pair in same))
    if depth:
        found |= of_depth(session, depth)
    for name, value in found.items():
        print(f"{name:24} {value:.4g}")
    if json_file is not None:
        json_file.write_text(json.dumps({"model": model.name} | found, indent=1) + "\n")


def of_classes(session: Session, spec: str, same: dict[str, str]) -> dict[str, float]:
    """IoU of each class that both know; pixels that the model gives to another class of its own are wrong."""
    data = open_dataset(spec, want=("mask",))
    known = list(data.classes)
    called = [same.get(name, name) for name in session.card.classes]
    number = np.array([known.index(name) if name in known else len(known) for name in called], np.uint8)
    score = SegmentationScore(session.card.model_copy(update={"classes": tuple(known)}))
    for sample in (data[place] for place in range(len(data))):
        score.add({"mask": number[session.run(sample.image)["mask"]]}, sample)
    found = score.figures()
    for name in (name for name in known if name not in called):
        print(f"{name} was never learned, and is left out of the mean")
        found.pop(f"iou {name}", None)
    ious = [value for name, value in found.items() if name.startswith("iou ")]
    return found | {"miou": float(np.mean(ious))}


def of_depth(session: Session, spec: str) -> dict[str, float]:
    """Error of depth, beside that of a constant."""
    data = open_dataset(spec, want=("depth",))
    score = DepthScore(session.card)
    for sample in (data[place] for place in range(len(data))):
        score.add(session.run(sample.image), sample)
    return score.figures()


if __name__ == "__main__":
    typer.run(main)
