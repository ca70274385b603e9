"""``convoy launch FILE arg:=value ...``: a launch file without ROS, one process per node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def launch(
    file: Annotated[Path, typer.Argument(help="YAML launch file.", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Launch arguments, NAME:=VALUE.", show_default=False)
    ] = None,
    show_args: Annotated[
        bool, typer.Option("--show-args", "-s", help="List the arguments of the launch file, and end.")
    ] = False,
) -> None:
    """Run the nodes of a launch file, live over DDS; Ctrl-C stops them all.

    Takes what `ros2 launch` takes, as far as convoy's own components need it. All that the nodes write is shown. A node
    that dies is reported, and started again where the file says respawn; the others run on. The exit code is that of
    the first node that failed.
    """
    import sys

    from convoy.launch import convoy_nodes, declared_arguments, load, parse_arguments
    from convoy.launch.processes import Process, run

    if show_args:
        for argument in declared_arguments(file):
            default = "(required)" if argument.default_text is None else argument.default_text
            choices = f" ({', '.join(argument.choices)})" if argument.choices else ""
            typer.echo(f"{argument.name}:={default}\n    {argument.description or 'No description'}{choices}")
        return
    nodes = convoy_nodes(load(file, parse_arguments(arguments or [])))
    # -P: a file of the user's in the working directory must not stand in for a module.
    command = [sys.executable, "-P", "-m", "convoy", "run"]
    processes = []
    for node in nodes:
        full_command = [*command, node.executable, *node.ros_arguments()]
        processes.append(Process(node.name.full.lstrip("/"), full_command, node.respawn, node.respawn_delay_s))
    raise typer.Exit(run(processes))
