"""``convoy test``: everything that must hold before a change lands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def test(context: typer.Context) -> None:
    """Check style and types, and run the tests; arguments after the verb go to pytest, such as -k replay."""
    root = Path(__file__).parents[3]
    checks = [
        ("style", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("tests", ["pytest", *context.args]),
    ]
    failed = []
    for name, command in checks:
        print(f"convoy: {name}: {' '.join(command)}", flush=True)
        if subprocess.run([sys.executable, "-m", *command], cwd=root).returncode:
            failed.append(name)
    if failed:
        print(f"convoy: failed: {', '.join(failed)}")
        raise typer.Exit(1)
