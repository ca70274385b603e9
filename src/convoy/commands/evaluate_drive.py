"""``convoy evaluate drive``: how well does a policy drive in towns that it has never seen?"""

from __future__ import annotations

import enum
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
    "shield_stops",
    "steering_rate_rad_s",
    "mean_jerk_mps3",
)


class Suite(enum.StrEnum):
    """What is driven."""

    towns = "towns"
    scenarios = "scenarios"


def drive(
    policy: Annotated[str, typer.Option(help="ONNX model with task 'drive', or 'expert'.")],
    suite: Annotated[
        Suite, typer.Option(help="Towns with traffic, or 50 scenarios in which somebody gets in the way.")
    ] = Suite.towns,
    towns: Annotated[str, typer.Option(help="A split (train, val, test), a seed, or seeds such as 3,10-19.")] = "test",
    count: Annotated[
        int | None, typer.Option(min=1, help="How many, the first \\[default: 20 towns, 50 scenarios]")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="Of each drive in traffic.")] = 60.0,
    shield: Annotated[
        bool, typer.Option(help="The supervisor brakes for what is ahead, as it does on a robot.")
    ] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes \\[default: one per core]")] = None,
    json: Annotated[Path | None, typer.Option(help="File to write the figures to.")] = None,
) -> None:
    """Drive through many towns, each in clear and in bad weather, and count what goes wrong.

    Prints autonomy = 1 - 6 s x interventions / time (as PilotNet does it; an intervention is leaving the lane by more
    than half the car's width, a collision, or standing without cause for 5 s), interventions, collisions_per_km,
    red_lights_run, mean_lateral_m, mean_speed_mps and km; how often the supervisor's shield braked; and how fast the
    commanded angle and the car's acceleration change. It runs the very components of `convoy drive`.

    Example: convoy evaluate drive --policy models/drive_il.onnx --json score.json
    """
    import json as codec
    import os

    from rich.console import Console
    from rich.progress import track

    from convoy.evaluation.drive import EXPERT
    from convoy.evaluation.drive_suite import cases, figures, run, scenario_cases
    from convoy.hosts.process import log_to_console
    from convoy.inference import ModelCard

    log_to_console("error")
    if policy != EXPERT:
        ModelCard.read(policy)  # what is wrong with it is said before anything starts
    arguments = () if shield else (("radar", "false"),)
    if suite is Suite.scenarios:
        plan = scenario_cases(policy, towns, count or 50, arguments)
    else:
        plan = cases(policy, towns, count or 20, seconds, arguments)
    console = Console(stderr=True)
    drives = run(plan, workers or os.cpu_count() or 1)
    results = list(track(drives, "driving", total=len(plan), console=console, transient=True))
    found = figures(results)
    for name in SHOWN:
        parts = "".join(f"    {part} {found[part][name]:8.4g}" for part in found["parts"])
        print(f"{name:18} {found[name]:8.4g}{parts}")
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        settings = {"policy": policy, "suite": suite, "towns": towns, "seconds": seconds, "shield": shield}
        json.write_text(codec.dumps(settings | found, indent=1) + "\n")
