"""``convoy models``: what trained models are there, and what could be trained?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convoy.commands import training

app = typer.Typer(no_args_is_help=True, help="Trained models, and the nets and backbones that can be trained.")

Folder = Annotated[Path, typer.Argument(help="Folder of the ONNX files.")]


@app.callback()
def models() -> None:
    """Trained models, and the nets and backbones that can be trained."""


@app.command("list")
def list_(
    folder: Folder = Path("models"),
    write: Annotated[bool, typer.Option("--write", help="Write the page of cards to README.md in the folder.")] = False,
) -> None:
    """Show the cards of the models in a folder, as a page of Markdown, and all nets for perception.

    Of every net it says whether a model in the folder was made of it, and how good that is.

    Example: convoy models list --write
    """
    from convoy.inference import ModelCard, ModelError
    from convoy.inference.table import models_page

    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; wanted one that holds models.")
    page = models_page(folder)
    if write:
        (folder / "README.md").write_text(page)
        return
    print(page)

    from convoy.learning.perception.networks import networks

    print("## Nets for perception\n\n| task | net | backbone | losses | state |\n|---|---|---|---|---|")
    cards = {path.name: ModelCard.read(path) for path in sorted(folder.glob("*.onnx"))}
    for net in networks(cards):
        print(f"| {net.task} | `{net.name}` | {net.backbone or 'its own'} | {', '.join(net.losses)} | {net.state} |")


@app.command()
def show(model: Annotated[Path, typer.Argument(help="ONNX file.")]) -> None:
    """Show the card of one model, as JSON.

    Example: convoy models show models/rc_steering.onnx
    """
    from convoy.inference import ModelCard

    print(ModelCard.read(model).model_dump_json(indent=1, exclude_defaults=True))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run such as runs/train/NAME, or a checkpoint in it.")],
    data: Annotated[list[str], typer.Option(help="What it was trained on, as of `convoy train`.")],
    out: training.Out,
    validation: Annotated[list[str] | None, typer.Option(help="What it was stopped by, if that was said.")] = None,
    skip_missing: training.SkipMissing = False,
    licence: training.Licence = "Apache-2.0",
) -> None:
    """Write the model file of a checkpoint, for a training of perception that has not ended or was given up.

    It is checked and measured on what is held out, as at the end of a training.

    Example: convoy models export runs/train/mine --data sim:train --out models/mine.onnx
    """
    console = training.console()
    with console.status("loading torch"):
        from convoy.commands.train_perception import open_material, write
        from convoy.learning.perception.runs import Checkpoint
        from convoy.learning.perception.tasks import open_task

    checkpoint = Checkpoint.open(run)
    options = checkpoint.options
    task = open_task(checkpoint.task, options.net)
    material = open_material(console, task, options, data, validation or [], skip_missing)
    net = checkpoint.load(task, material)
    command = checkpoint.command(data, validation or [])
    write(console, task, options, material, net, out, licence, command)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Of torchvision, such as ssdlite320_mobilenet_v3_large.")],
    out: Annotated[Path | None, typer.Option(help="ONNX file to write \\[default: models/NAME.onnx]")] = None,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of its input \\[default: the net's own, or 640x480]")] = "",
) -> None:
    """Fetch a net of torchvision with its published COCO weights, and write it as a model file with its card.

    Detectors, Mask R-CNN, Keypoint R-CNN and segmentation nets; needs a network, unless torch has the weights already.
    Mind the terms of the weights, which the card repeats.

    Example: convoy models pull ssdlite320_mobilenet_v3_large
    """
    console = training.console()
    with console.status("loading torch"):
        from convoy.learning.perception import published

    wanted = training.size_of(size) if size else published.default_size(name)
    with console.status(f"fetching the weights of {name}"):
        net = published.fetch(name)
    out = out or Path("models") / f"{name}.onnx"
    with console.status("writing and checking the model"):
        card = published.write(name, net, wanted, out, training.command_line())
    training.tell(console, card, out)


@app.command()
def backbones(
    pattern: Annotated[
        str,
        typer.Argument(
            help="Such as 'resnet*', of torchvision and timm \\[default: torchvision, and timm's Xception, NASNet]"
        ),
    ] = "",
) -> None:
    """List backbones with their millions of parameters, GFLOPs and ms on this CPU, for a picture of 224x224.

    The time is that of the model file, run as the robot runs it: with ONNX Runtime, on half of the cores.

    Example: convoy models backbones 'mobilenet*'
    """
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("loading torch"):
        from convoy.learning.nets.backbone_table import Cost, costs, matching

    found = matching(pattern)
    print(f"{'name':32} {'from':12} {'M params':>9} {'GFLOPs':>7} {'CPU ms':>7}  strides")
    for row in costs(found):
        if isinstance(row, Cost):
            strides = " ".join(map(str, row.strides))
            figures = f"{row.parameters:9.2f} {row.gflops:7.2f} {'-' if row.cpu_ms is None else f'{row.cpu_ms:.1f}':>7}"
            print(f"{row.name:32} {row.source:12} {figures}  {strides}", flush=True)
        else:
            console.print(row, highlight=False)
