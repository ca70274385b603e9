"""``convoy evaluate segmentation``, ``depth``, ...: one verb for each perception task, all of them the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from convoy.commands import training
from convoy.learning.perception.tasks import TASKS

EXAMPLES = {
    "keypoints": "coco:PICTURES,FILE",
    "relocalisation": "sim:117/drive=1000@500",
    "classification": "images:DIR#val",
}
"""Of data, as of `convoy train`, but held out."""


def add_to(app: typer.Typer) -> None:
    """Give `app` a command for each task."""
    for task in TASKS:
        app.command(task)(_command(task))


def _command(task: str) -> Callable[..., None]:
    def evaluate(
        model: Annotated[Path, typer.Option(help="ONNX file with a model for this task.")],
        data: Annotated[list[str], typer.Option(help="As of `convoy train`; may be given several times.")],
        json: Annotated[Path | None, typer.Option(help="File to write the figures to.")] = None,
        device: Annotated[str, typer.Option(help="auto, cpu, cuda or tensorrt.")] = "auto",
        skip_missing: training.SkipMissing = False,
    ) -> None:
        _evaluate(task, model, data, json, device, skip_missing)

    evaluate.__doc__ = f"""Compare what a model for {task} gives with the truth, in the source images' pixels.

    Example: convoy evaluate {task} --model models/mine.onnx --data {EXAMPLES.get(task, "sim:test")} --json score.json
    """
    return evaluate


def _evaluate(task: str, model: Path, data: list[str], json: Path | None, device: str, skip_missing: bool) -> None:
    import json as codec

    from rich.progress import track

    from convoy.evaluation.perception import check_classes, measure, needs_of
    from convoy.inference import Session
    from convoy.learning.datasets.sample import PARTS
    from convoy.learning.datasets.spec import check_one_map, open_dataset

    session = Session.load(model, task, device)
    console = training.console()
    needs = needs_of(session.card)
    if "pose" in needs:
        check_one_map(data)
    with training.bar(console) as bar:
        shown = bar.add_task("reading the data", total=None)
        found = open_dataset(
            *data,
            missing="skip" if skip_missing else "error",
            want=PARTS & set(needs),
            progress=lambda done, of: bar.update(shown, completed=done, total=of),
        )
        bar.remove_task(shown)
    for line in training.faults(found):
        console.print(line, markup=False)
    check_classes(session.card, tuple(found.classes))
    samples = (found[number] for number in range(len(found)))
    figures = measure(session, track(samples, "evaluating", len(found), console=console, transient=True))
    wide = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:{wide}}", "-" if value is None else value if name == "frames" else f"{value:.4f}")
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(codec.dumps({"model": str(model), "data": data} | figures, indent=1) + "\n")
