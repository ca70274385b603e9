"""``convoy bench NAME``: runs one of the benchmarks of the source tree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# What follows the name belongs to the benchmark, --help too.
CONTEXT_SETTINGS = {"allow_extra_args": True, "allow_interspersed_args": False, "ignore_unknown_options": True}


def bench(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="A file in benchmarks/, such as transport; without one, lists them.")
    ] = "",
) -> None:
    """Measure something: print a table, and write the figures with --json FILE.

    Example: convoy bench transport --json transport.json
    """
    import ast
    import subprocess
    import sys

    from convoy.errors import ConvoyError, nearest

    folder = Path(__file__).resolve().parents[3] / "benchmarks"
    found = {path.stem: path for path in sorted(folder.glob("*.py"))}
    if not found:
        raise ConvoyError(f"There are no benchmarks in {folder}; run this from a source tree of convoy.")
    if not name:
        for stem, path in found.items():
            summary = ast.get_docstring(ast.parse(path.read_text())) or ""
            print(f"{stem:12} {summary.splitlines()[0] if summary else ''}")
        return
    if name not in found:
        raise ConvoyError(f"There is no benchmark {name!r}; nearest first: {', '.join(nearest(name, found))}.")
    raise typer.Exit(subprocess.run([sys.executable, str(found[name]), *context.args], check=False).returncode)
