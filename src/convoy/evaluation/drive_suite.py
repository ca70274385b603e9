"""How well a policy drives: many towns, in clear and in bad weather, on all cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convoy.evaluation.drive import EXPERT, Drive, drive, launch_arguments
from convoy.launch import default_launch_file
from convoy_sim.look.weather import BAD_WEATHERS
from convoy_sim.metrics import Metrics
from convoy_sim.seeds import town_seeds

CLEAR = "clear"


@dataclass(frozen=True)
class Case:
    """One drive of the suite."""

    town: int
    weather: str
    policy: str
    seconds: float
    launch: Path

    def drive(self) -> Metrics:
        """Drive with the components that a robot runs, in lock-step."""
        # The expert does not look.
        arguments = launch_arguments(self.policy, self.town, int(self.weather != CLEAR), self.weather)
        images = {"images": "false"} if self.policy == EXPERT else {}
        return drive(Drive(self.launch, arguments | images, self.seconds)).log.metrics


def cases(policy: str, towns: str, count: int, seconds: float) -> list[Case]:
    """Every town once in clear and once in bad weather, the kinds of it in turn.

    Raises:
        SimulationError: there are no such towns.
    """
    seeds, launch = town_seeds(towns)[:count], default_launch_file("drive")
    weathers = [(CLEAR, BAD_WEATHERS[k % len(BAD_WEATHERS)]) for k in range(len(seeds))]
    return [
        Case(seed, weather, policy, seconds, launch)
        for seed, pair in zip(seeds, weathers, strict=True)
        for weather in pair
    ]


def run(suite: Sequence[Case], workers: int) -> Iterator[tuple[Case, Metrics]]:
    """Make all drives, in so many processes; they come in order."""
    if workers == 1:
        yield from ((case, case.drive()) for case in suite)
        return
    # OpenGL does not survive a fork.
    with multiprocessing.get_context("spawn").Pool(min(workers, len(suite))) as pool:
        yield from zip(suite, pool.imap(Case.drive, suite), strict=True)


def figures(results: Sequence[tuple[Case, Metrics]]) -> dict[str, Any]:
    """What all drives give together, the clear ones, those in bad weather, and each one."""
    clear = [metrics for case, metrics in results if case.weather == CLEAR]
    bad = [metrics for case, metrics in results if case.weather != CLEAR]
    return {
        **_sum([*clear, *bad]),
        "clear": _sum(clear),
        "bad_weather": _sum(bad),
        "drives": [{"town": case.town, "weather": case.weather, **metrics.as_dict()} for case, metrics in results],
    }


def _sum(parts: Sequence[Metrics]) -> dict[str, float]:
    return sum(parts, Metrics()).as_dict()
