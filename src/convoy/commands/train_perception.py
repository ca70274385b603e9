"""``convoy train segmentation``, ``depth``, ...: one verb for each perception task, all of them the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convoy.commands import training
from convoy.learning.perception.options import PerceptionOptions
from convoy.learning.perception.tasks import TASKS

if TYPE_CHECKING:
    from rich.console import Console

    from convoy.inference import Session
    from convoy.learning.fit import Epoch
    from convoy.learning.perception.start import Started
    from convoy.learning.perception.task import PerceptionNet, Task
    from convoy.learning.perception.training import Material

_DEFAULT = PerceptionOptions()
SPECS = "sim:train, sim:SEEDS, folder:DIR, coco:PICTURES,FILE, rgbd:DIR, bag:DIR or images:DIR"
EXAMPLES = {"keypoints": "coco:PICTURES,FILE", "relocalisation": "sim:117@8000", "classification": "images:DIR"}
"""Of data, for the tasks that simulated towns have no truth for, or only one town at a time."""


def add_to(app: typer.Typer) -> None:
    """Give `app` a command for each task."""
    for task in TASKS:
        app.command(task)(_command(task))


def _command(task: str) -> Callable[..., None]:
    def train(
        data: Annotated[list[str], typer.Option(help=f"{SPECS}; may be given several times.")],
        out: training.Out,
        net: Annotated[str, typer.Option(help="See `convoy models list` \\[default: the task's small one]")] = "",
        backbone: Annotated[
            str, typer.Option(help="See `convoy models backbones` \\[default: the net's own choice]")
        ] = "",
        loss: Annotated[str, typer.Option(help="Of tasks that have several, see `convoy models list`.")] = "",
        validation: Annotated[
            list[str] | None,
            typer.Option(help="Data to stop early by and to measure with \\[default: its part val, or its last 20 %]"),
        ] = None,
        start: Annotated[
            Path | None, typer.Option(help="Model file or checkpoint to take the weights of that fit.")
        ] = None,
        freeze: Annotated[
            str, typer.Option(help="Leave the encoder as it is: up to a stride (4, 8, ...), or 'encoder' for all.")
        ] = "",
        pretrained: Annotated[
            bool, typer.Option("--pretrained", help="Fetch the backbone's published weights.")
        ] = False,
        size: Annotated[
            str, typer.Option(help="WIDTHxHEIGHT that images are brought to.")
        ] = f"{_DEFAULT.width}x{_DEFAULT.height}",
        epochs: training.Epochs = _DEFAULT.epochs,
        patience: training.Patience = _DEFAULT.patience,
        seed: training.Seed = _DEFAULT.seed,
        batch_size: training.BatchSize = _DEFAULT.batch_size,
        lr: Annotated[
            float | None,
            typer.Option(min=1e-7, max=1.0, help="Highest learning rate \\[default: what suits the net]"),
        ] = _DEFAULT.learning_rate,
        weight_decay: training.WeightDecay = _DEFAULT.weight_decay,
        dropout: Annotated[
            float, typer.Option(min=0.0, max=0.9, help="Before the last layer; refused for nets that have none.")
        ] = _DEFAULT.dropout,
        class_weights: Annotated[bool, typer.Option(help="Rare classes count more.")] = _DEFAULT.class_weights,
        augment: Annotated[bool, typer.Option(help="Mirror, cut and light views by chance.")] = _DEFAULT.augment,
        workers: Annotated[int, typer.Option(min=0, help="Processes that read the data.")] = _DEFAULT.workers,
        skip_missing: training.SkipMissing = False,
        licence: training.Licence = "Apache-2.0",
        run: training.Run = None,
        resume: training.Resume = False,
    ) -> None:
        width, height = training.size_of(size)
        options = PerceptionOptions(
            net=net,
            backbone=backbone,
            loss=loss,
            pretrained=pretrained,
            freeze=freeze,
            width=width,
            height=height,
            epochs=epochs,
            patience=patience,
            seed=seed,
            batch_size=batch_size,
            learning_rate=lr,
            weight_decay=weight_decay,
            dropout=dropout,
            class_weights=class_weights,
            augment=augment,
            workers=workers,
        )
        folder = training.run_folder(run, out)
        _train(task, options, data, validation or [], out, start, licence, folder, resume, skip_missing)

    train.__doc__ = f"""Train a net for {task}; it becomes one ONNX file with its card.

    Several GPUs are used where they are there. The card states how well the file does on the data held out.

    Example: convoy train {task} --data {EXAMPLES.get(task, "sim:train")} --out models/mine.onnx
    """
    return train


def _train(
    name: str,
    options: PerceptionOptions,
    data: list[str],
    validation: list[str],
    out: Path,
    start: Path | None,
    licence: str,
    folder: Path,
    resume: bool,
    skip_missing: bool,
) -> None:
    console = training.console()
    with console.status("loading torch"):
        from convoy.learning.perception.tasks import open_task
        from convoy.learning.perception.training import train_perception

    task = open_task(name, options.net)
    material = open_material(console, task, options, data, validation, skip_missing)

    def on_start(started: Started) -> None:
        console.print(f"{started.taken} of {started.of} weights taken from {start}")
        if started.others:
            console.print(f"anew: {', '.join(started.others[:8])}{', ...' if len(started.others) > 8 else ''}")

    with training.bar(console) as bar:
        shown = bar.add_task("training", total=options.epochs)

        def on_epoch(epoch: Epoch) -> None:
            best = f"training (loss {epoch.loss:.4f}, best {epoch.best_loss:.4f} in epoch {epoch.best})"
            bar.update(shown, completed=epoch.done, total=epoch.of, description=best)

        net = train_perception(
            task, options, material, folder, start=start, resume=resume, on_start=on_start, on_epoch=on_epoch
        )

    write(console, task, options, material, net, out, licence, training.command_line())


def open_material(
    console: Console,
    task: Task,
    options: PerceptionOptions,
    data: list[str],
    validation: list[str],
    skip_missing: bool,
) -> Material:
    """Open the data of a training, and say what there is."""
    from convoy.evaluation.perception import NEEDS
    from convoy.learning.datasets.sample import PARTS
    from convoy.learning.datasets.sample_list import SampleList
    from convoy.learning.datasets.spec import check_one_map, open_dataset
    from convoy.learning.perception.choice import loss_name
    from convoy.learning.perception.training import prepare

    if "pose" in task.needs:
        check_one_map([*data, *validation])
    want = PARTS & {*task.needs_of(loss_name(task, options.loss)), *NEEDS[task.name]}
    with training.bar(console) as bar:

        def open_one(spec: str) -> SampleList:
            shown = bar.add_task(f"{spec}", total=None)

            def progress(done: int, of: int) -> None:
                bar.update(shown, completed=done, total=of)

            found = open_dataset(spec, missing="skip" if skip_missing else "error", want=want, progress=progress)
            bar.remove_task(shown)
            return found

        sets, held_out = [open_one(spec) for spec in data], [open_one(spec) for spec in validation]
    for found in [*sets, *held_out]:
        for line in training.faults(found):
            console.print(line, markup=False)
    material = prepare(task, options, sets, held_out)
    console.print(f"{len(material.taught)} samples to train with, {len(material.held_out)} held out")
    return material


def write(
    console: Console,
    task: Task,
    options: PerceptionOptions,
    material: Material,
    net: PerceptionNet,
    out: Path,
    licence: str,
    command: str,
) -> None:
    """Write the model file of a trained net, measured on what was held out."""
    from convoy.evaluation.perception import measure
    from convoy.learning.perception.training import write_perception

    def measured(session: Session) -> dict[str, dict[str, float]]:
        samples = (material.held_out[number] for number in range(len(material.held_out)))
        figures = measure(session, samples)
        # A card states what is known, and nothing of what is not defined.
        return {material.held_out.describe(): {name: value for name, value in figures.items() if value is not None}}

    with console.status("writing and checking the model"):
        card = write_perception(task, options, material, net, out, licence, command, measured)
    training.tell(console, card, out)
