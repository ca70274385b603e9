"""``convoy drive``: a simulated car, driven by the very components that a robot runs."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

START_S = 60.0
"""What live components are given to start."""


class Host(enum.StrEnum):
    """Where the components run."""

    in_process = "in_process"
    dds = "dds"


def drive(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Further launch arguments, NAME:=VALUE.", show_default=False)
    ] = None,
    town: Annotated[str, typer.Option(help="Seed of a town, or a split (train, val, test): its town number SEED.")] = (
        "test"
    ),
    weather: Annotated[str, typer.Option(help="clear, cloudy, low_sun, overcast, fog, rain or dusk.")] = "clear",
    policy: Annotated[
        str, typer.Option(help="ONNX model with task 'drive', or 'expert' \\[default: models/drive_il.onnx]")
    ] = "",
    seconds: Annotated[float, typer.Option(min=1.0, help="Of the simulated world's time.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Number of the drive: start, route, traffic and light.")] = 0,
    launch: Annotated[Path | None, typer.Option(help="Launch file \\[default: launch/drive.launch.yaml]")] = None,
    gestures: Annotated[
        Path | None,
        typer.Option(help="Bag of skeletons of hands: the car goes and stops as they tell it; in lock-step only."),
    ] = None,
    perception: Annotated[
        bool, typer.Option("--perception", help="See boxes, classes and depth as well, scored against the truth.")
    ] = False,
    host: Annotated[
        Host, typer.Option(help="In lock-step in one process, or each component a ROS 2 participant, in real time.")
    ] = Host.in_process,
    console: Annotated[
        bool, typer.Option("--console", help="Drive it yourself, in a browser, live over DDS, until Ctrl-C.")
    ] = False,
    view: Annotated[bool, typer.Option("--view", help="Write drive.mp4 too.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs/drive"),
) -> None:
    """Drive a simulated car through a town: a bag, metrics and a report, the same on every run.

    Example: convoy drive --weather rain --seed 3
    """
    if console:
        from convoy.commands.drive_console import drive_by_console

        if gestures or view or launch:
            raise typer.BadParameter("takes no --gestures, --view or --launch beside it", param_hint="--console")
        drive_by_console(town, weather, policy, seed, perception, arguments or [])

    from rich.console import Console

    from convoy.commands.drive_progress import DriveProgress
    from convoy.evaluation.drive import Drive, launch_arguments
    from convoy.hosts.process import log_to_console
    from convoy.launch import default_launch_file, parse_arguments
    from convoy_sim.seeds import town_seeds

    log_to_console("warn")
    terminal = Console(stderr=True)
    towns = town_seeds(town)
    wait_s = START_S if host is Host.dds else 0.0
    given = launch_arguments(policy, towns[seed % len(towns)], seed, weather, wait_s) | {"transport": "png"}
    if gestures:
        if host is Host.dds:
            raise typer.BadParameter("with --host dds, play the bag beside it", param_hint="--gestures")
        given["gestures"] = "true"
    if perception:
        given["perception"] = "true"
    plan = Drive(launch or default_launch_file("drive"), given | parse_arguments(arguments or []), seconds, gestures)
    with DriveProgress(terminal, seconds) as progress:
        if host is Host.dds:
            from convoy.evaluation.drive_live import drive as run
        else:
            from convoy.evaluation.drive import drive as run
        driven = run(plan, out, video=view, progress=progress)

    from convoy.evaluation.drive_report import summary, write_report

    with terminal.status("drawing the report"):
        report = write_report(driven, out)
    print(summary(driven.metrics()), f"report: {report}", sep="\n")
