"""``convoy models``: what trained models are there?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def models(
    folder: Annotated[Path, typer.Argument(help="Folder of the ONNX files.")] = Path("models"),
    write: Annotated[bool, typer.Option("--write", help="Write the page to README.md in the folder.")] = False,
) -> None:
    """Show the cards of the models in a folder, as a page of Markdown.

    Example: convoy models --write
    """
    from convoy.inference import ModelError
    from convoy.inference.table import models_page

    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; wanted one that holds models.")
    page = models_page(folder)
    if write:
        (folder / "README.md").write_text(page)
    else:
        print(page, end="")
