"""``convoy evaluate drive``: how well does a policy drive in towns that it has never seen?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SHOWN = (
    "autonomy",
    "interventions",
    "collisions_per_km",
    "red_lights_run",
    "mean_lateral_m",
    "mean_speed_mps",
    "km",
)


def drive(
    policy: Annotated[str, typer.Option(help="ONNX model with task 'drive', or 'expert'.")],
    towns: Annotated[str, typer.Option(help="A split (train, val, test), a seed, or seeds such as 3,10-19.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many of them, the first.")] = 20,
    seconds: Annotated[float, typer.Option(min=1.0, help="Of each drive.")] = 60.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes \\[default: one per core]")] = None,
    json: Annotated[Path | None, typer.Option(help="File to write the figures to.")] = None,
) -> None:
    """Drive through many towns, each in clear and in bad weather, and count what goes wrong.

    Prints autonomy = 1 - 6 s x interventions / time (as PilotNet does it; an intervention is leaving the lane by more
    than half the car's width, a collision, or standing without cause for 5 s), interventions, collisions_per_km,
    red_lights_run, mean_lateral_m, mean_speed_mps and km. It runs the very components of `convoy drive`.

    Example: convoy evaluate drive --policy models/drive_il.onnx --json score.json
    """
    import json as codec
    import os

    from rich.console import Console
    from rich.progress import track

    from convoy.evaluation.drive import EXPERT
    from convoy.evaluation.drive_suite import cases, figures, run
    from convoy.hosts.process import log_to_console
    from convoy.inference import ModelCard

    log_to_console("error")
    if policy != EXPERT:
        ModelCard.read(policy)  # what is wrong with it is said before anything starts
    suite = cases(policy, towns, count, seconds)
    console = Console(stderr=True)
    drives = run(suite, workers or os.cpu_count() or 1)
    results = list(track(drives, "driving", total=len(suite), console=console, transient=True))
    found = figures(results)
    for name in SHOWN:
        parts = "".join(f"    {part} {found[part][name]:8.4g}" for part in ("clear", "bad_weather"))
        print(f"{name:18} {found[name]:8.4g}{parts}")
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        settings = {"policy": policy, "towns": towns, "count": count, "seconds": seconds}
        json.write_text(codec.dumps(settings | found, indent=1) + "\n")
