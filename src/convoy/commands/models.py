"""``convoy models``: what trained models are there, and what could be trained?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
def backbones(
    pattern: Annotated[
        str, typer.Argument(help="Such as 'resnet*', of torchvision and timm \\[default: all of torchvision]")
    ] = "",
) -> None:
    """List backbones with their millions of parameters, GFLOPs and ms on this CPU, for a picture of 224x224.

    Example: convoy models backbones 'mobilenet*'
    """
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("loading torch"):
        from convoy.learning.nets.backbone_table import Cost, costs, matching

    print(f"{'name':32} {'from':12} {'M params':>9} {'GFLOPs':>7} {'CPU ms':>7}  strides")
    for row in costs(matching(pattern)):
        if isinstance(row, Cost):
            strides = " ".join(map(str, row.strides))
            figures = f"{row.parameters:9.2f} {row.gflops:7.2f} {row.cpu_ms:7.1f}"
            print(f"{row.name:32} {row.source:12} {figures}  {strides}", flush=True)
        else:
            console.print(row, highlight=False)
