"""Which ways through a junction get in each other's way, and who yields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy_sim.curve import wrap
from convoy_sim.lanes import Junction, Lane
from convoy_sim.town import Town

TOO_CLOSE_M = 3.0
"""Between centre lines: two cars pass each other with a metre to spare."""


@dataclass(frozen=True)
class Conflicts:
    """Of all junction lanes of a town, by their ids.

    Attributes:
        clear: clear[a][b] is the arc length of lane a, beyond which a car's rear no longer hinders a car on lane b.
            Lanes from the same approach are not in conflict: their cars follow each other.
        enter: enter[a][b] is the arc length of lane a from which on a car hinders cars on lane b.
        shared: shared[a][b], for lanes of the same approach: the arc length up to which a car on a is on b as well.
        yields: the lanes in conflict that a lane's cars let go first.
    """

    clear: dict[int, dict[int, float]]
    enter: dict[int, dict[int, float]]
    shared: dict[int, dict[int, float]]
    yields: dict[int, frozenset[int]]


def find_conflicts(town: Town) -> Conflicts:
    """Compare every two lanes of every junction."""
    clear: dict[int, dict[int, float]] = {}
    enter: dict[int, dict[int, float]] = {}
    shared: dict[int, dict[int, float]] = {}
    yields: dict[int, frozenset[int]] = {}
    for junction in town.junctions:
        ways = [town.lanes[at] for at in junction.connecting]
        for a in ways:
            clear[a.id], enter[a.id], shared[a.id], first = {}, {}, {}, set()
            for b in ways:
                if a is b:
                    continue
                close = _close(a, b)
                if not close.any():
                    continue
                if a.predecessors == b.predecessors:
                    apart = np.flatnonzero(~close)
                    shared[a.id][b.id] = float(apart[0]) * a.curve.step if len(apart) else a.curve.length
                else:
                    within = np.flatnonzero(close) * a.curve.step
                    enter[a.id][b.id], clear[a.id][b.id] = float(within[0]), float(within[-1]) + a.curve.step
                    if _yields(town, junction, a, b):
                        first.add(b.id)
            yields[a.id] = frozenset(first)
    return Conflicts(clear, enter, shared, yields)


def _close(a: Lane, b: Lane) -> np.ndarray:
    """Which samples of a are near b."""
    away = a.curve.xy[:, None] - b.curve.xy
    return np.hypot(away[..., 0], away[..., 1]).min(axis=1) < TOO_CLOSE_M


def _yields(town: Town, junction: Junction, a: Lane, b: Lane) -> bool:
    """Whether a's cars wait for b's, by the rules of the road. Lights keep other phases apart."""
    come_a, come_b = town.lanes[a.predecessors[0]], town.lanes[b.predecessors[0]]
    if not junction.lit and come_a.control != come_b.control:
        return come_a.control == "yield"
    if junction.lit and town.lights[come_a.light].phase != town.lights[come_b.light].phase:
        return False
    facing = abs(float(wrap(come_a.curve.heading[-1] - come_b.curve.heading[-1] + np.pi))) < 0.5
    return facing and a.turn == "left" and b.turn != "left"
