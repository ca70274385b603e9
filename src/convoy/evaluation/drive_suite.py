"""How well a policy drives: many towns, in clear and in bad weather, or scenarios in which somebody gets in the way."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convoy.evaluation.drive import EXPERT, Drive, drive, launch_arguments
from convoy.evaluation.drive_log import DriveLog
from convoy.launch import default_launch_file
from convoy_sim.look.weather import BAD_WEATHERS
from convoy_sim.metrics import Metrics
from convoy_sim.scenarios import SECONDS, suite
from convoy_sim.seeds import town_seeds
from convoy_sim.world import STEP_S

CLEAR = "clear"
_PUT_BACK_MPS3 = 400.0

Arguments = tuple[tuple[str, str], ...]
"""Names and values of a launch file."""


@dataclass
class Score:
    """How a drive went; add drives with `+`.

    Attributes:
        metrics: see `convoy_sim.metrics.Metrics`.
        shield_stops: how often the supervisor braked for what was ahead.
        turned, jerked: sums over all steps, of how much the commanded angle changed (rad), and of the jerk along the
            way, by odometry (m/s^3 x s).
    """

    metrics: Metrics = field(default_factory=Metrics)
    shield_stops: int = 0
    turned: float = 0.0
    jerked: float = 0.0

    @classmethod
    def of(cls, log: DriveLog) -> Score:
        """The score of a finished drive."""
        turns, speed = np.abs(np.diff(log.column("steered"))), log.column("speed")
        jerks = np.abs(np.diff(speed, 2)) / STEP_S**2
        # To be put back after an intervention is nobody's jerk.
        usual = jerks[jerks < _PUT_BACK_MPS3]
        return cls(log.metrics, log.shield_stops, float(np.nansum(turns)), float(usual.sum() * STEP_S))

    def __add__(self, other: Score) -> Score:
        return Score(
            self.metrics + other.metrics,
            self.shield_stops + other.shield_stops,
            self.turned + other.turned,
            self.jerked + other.jerked,
        )

    def as_dict(self) -> dict[str, float]:
        """The figures that are reported."""
        seconds = self.metrics.elapsed_s
        return self.metrics.as_dict() | {
            "shield_stops": self.shield_stops,
            "steering_rate_rad_s": self.turned / seconds if seconds else 0.0,
            "mean_jerk_mps3": self.jerked / seconds if seconds else 0.0,
        }


@dataclass(frozen=True)
class Case:
    """One drive of the suite.

    Attributes:
        town, weather, policy, seconds, launch: as for `convoy.evaluation.drive`.
        scenario: number of a scenario of `convoy_sim.scenarios.suite`, whose kind is `kind`; -1 for a drive in traffic.
        arguments: further ones of the launch file.
    """

    town: int
    weather: str
    policy: str
    seconds: float
    launch: Path
    scenario: int = -1
    kind: str = ""
    arguments: Arguments = ()

    def drive(self) -> Score:
        """Drive with the components that a robot runs, in lock-step."""
        # The expert does not look.
        number = int(self.weather != CLEAR) if self.scenario < 0 else self.scenario
        arguments = launch_arguments(self.policy, self.town, number, self.weather) | dict(self.arguments)
        arguments |= {"images": "false"} if self.policy == EXPERT else {}
        arguments |= {"scenario": str(self.scenario)} if self.scenario >= 0 else {}
        return Score.of(drive(Drive(self.launch, arguments, self.seconds)).log)


def cases(policy: str, towns: str, count: int, seconds: float, arguments: Arguments = ()) -> list[Case]:
    """Every town once in clear and once in bad weather, the kinds of it in turn.

    Raises:
        SimulationError: there are no such towns.
    """
    seeds, launch = town_seeds(towns)[:count], default_launch_file("drive")
    weathers = [(CLEAR, BAD_WEATHERS[k % len(BAD_WEATHERS)]) for k in range(len(seeds))]
    return [
        Case(seed, weather, policy, seconds, launch, arguments=arguments)
        for seed, pair in zip(seeds, weathers, strict=True)
        for weather in pair
    ]


def scenario_cases(policy: str, towns: str, count: int, arguments: Arguments = ()) -> list[Case]:
    """So many crossing and cut-in scenarios, in clear weather.

    Raises:
        SimulationError: there are no such towns, or they have no place for some kind of scenario.
    """
    launch = default_launch_file("drive")
    return [
        Case(
            scenario.begin().world.town.seed,  # the first of its towns that has a place for it
            CLEAR,
            policy,
            SECONDS,
            launch,
            scenario.number,
            scenario.kind,
            arguments,
        )
        for scenario in suite(count, towns)
    ]


def run(suite: Sequence[Case], workers: int) -> Iterator[tuple[Case, Score]]:
    """Make all drives, in so many processes; they come in order."""
    if workers == 1:
        yield from ((case, case.drive()) for case in suite)
        return
    # OpenGL does not survive a fork.
    with multiprocessing.get_context("spawn").Pool(min(workers, len(suite))) as pool:
        yield from zip(suite, pool.imap(Case.drive, suite), strict=True)


def figures(results: Sequence[tuple[Case, Score]]) -> dict[str, Any]:
    """What all drives give together, the parts of them, and each one.

    The parts are clear and bad weather, or the kinds of the scenarios.
    """
    parts: dict[str, list[Score]] = {}
    for case, score in results:
        parts.setdefault(case.kind or ("clear" if case.weather == CLEAR else "bad_weather"), []).append(score)
    return {
        **_sum([score for _, score in results]),
        **{part: _sum(scores) for part, scores in parts.items()},
        "parts": list(parts),
        "drives": [
            {"town": case.town, "weather": case.weather, "scenario": case.kind, **score.as_dict()}
            for case, score in results
        ],
    }


def _sum(parts: Sequence[Score]) -> dict[str, float]:
    return sum(parts, Score()).as_dict()
