"""``convoy drive --console``: the simulated car and the operator's page, until Ctrl-C."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import NoReturn

from convoy.errors import ConvoyError

_DOMAINS = range(1, 230)
_POLICIES = {"steering": "steering_policy", "drive": "drive_policy"}


def drive_by_console(
    town: str, weather: str, policy: str, seed: int, perception: bool, arguments: list[str]
) -> NoReturn:
    """Start simulator, policy, drive mode, supervisor and console, each a process; the console tells where its page is.

    With `perception`, models/perception.onnx sees what the page lays over the picture; else the simulator tells it on
    demand, see the launch file's ``overlays``.

    All is confined to this machine, and to a domain of its own, unless ``ROS_DOMAIN_ID`` and ``CYCLONEDDS_URI`` say
    otherwise. Further launch arguments win.

    Raises:
        ConvoyError: the model can't be read, or is of no task that drives; or the launch file refuses an argument.
    """
    from convoy.commands.launch import launch
    from convoy.hosts.dds.domain import LOOPBACK
    from convoy.inference import ModelCard
    from convoy.launch import default_launch_file
    from convoy_sim.seeds import town_seeds

    towns = town_seeds(town)
    given = [f"town:={towns[seed % len(towns)]}", f"drive:={seed}", f"weather:={weather}", "log_level:=warn"]
    if policy:
        given += [f"model:={Path(policy).resolve()}", f"policy:={_node_for(policy)}"]
    file = default_launch_file("console")
    if perception:
        ModelCard.read(file.parents[1] / "models" / "perception.onnx")  # the launch file's; refused before all starts
        given.append("perception:=true")
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().choice(_DOMAINS)))
    os.environ.setdefault("CYCLONEDDS_URI", LOOPBACK)
    launch(file, [*given, *arguments])
    raise AssertionError("launch always raises its exit code")


def _node_for(policy: str) -> str:
    from convoy.inference import ModelCard

    task = ModelCard.read(policy).task
    if task not in _POLICIES:
        raise ConvoyError(f"{policy} is a model for task {task!r}; wanted {' or '.join(_POLICIES)}.")
    return _POLICIES[task]
