"""``convoy replay``: what would the robot have done?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def replay(
    bag: Annotated[Path, typer.Argument(help="rosbag2 folder, .mcap or .db3 file.", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Launch arguments, NAME:=VALUE.", show_default=False)
    ] = None,
    launch: Annotated[Path | None, typer.Option(help="Launch file \\[default: launch/steering.launch.yaml]")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results \\[default: runs/replay/BAG]")] = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Simulate a live robot: real latency, late frames are dropped.")
    ] = False,
) -> None:
    """Run a launch file's graph over a bag: results, metrics and a report, the same on every run.

    Example: convoy replay bags/drive image:=/front/image_raw --out runs/drive
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from convoy.evaluation.replay import replay as run
    from convoy.hosts.process import log_to_console
    from convoy.launch import default_launch_file, parse_arguments

    launch = launch or default_launch_file("steering")
    out = out or Path("runs") / "replay" / bag.absolute().name.removesuffix(".mcap").removesuffix(".db3")
    log_to_console("warn")
    console = Console(stderr=True)
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console)
    task = bar.add_task("replay")

    def progress(done: int, total: int) -> None:
        if done == 0:
            bar.start()
        if done % 64 == 0 or done == total:
            bar.update(task, completed=done, total=total)

    try:
        result = run(bag, launch, parse_arguments(arguments or []), out, realtime=realtime, progress=progress)
    finally:
        if bar.live.is_started:
            bar.stop()

    from convoy.evaluation.report import summary, write_report

    with console.status("drawing the report"):
        report = write_report(result)
    print(summary(result.metrics), f"report: {report}", sep="\n")
