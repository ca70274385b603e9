"""``convoy test``: everything that must hold before a change lands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

TYPES = ["mypy"]
"""Checked beside the tests, which leave it a core for long enough."""
CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def test(context: typer.Context) -> None:
    """Check style and types, and run the tests; arguments after the verb go to pytest, such as -k replay."""
    root = Path(__file__).parents[3]
    types = subprocess.Popen([sys.executable, "-m", *TYPES], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    failed = []
    for name, command in (
        ("style", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("tests", ["pytest", *context.args]),
    ):
        print(f"convoy: {name}: {' '.join(command)}", flush=True)
        if subprocess.run([sys.executable, "-m", *command], cwd=root).returncode:
            failed.append(name)
    said, _ = types.communicate()
    print(f"convoy: types: {' '.join(TYPES)}\n{said.decode().strip()}", flush=True)
    if types.returncode:
        failed.append("types")
    if failed:
        print(f"convoy: failed: {', '.join(failed)}")
        raise typer.Exit(1)
