"""Where to go: a route along the lanes, progress on it, and what to do at the next junction."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence

import numpy as np

from convoy_sim.errors import SimulationError
from convoy_sim.roads import Roads

INSTRUCTIONS = ("follow", "left", "right", "straight")
INSTRUCTION_FROM_M = 28.0
"""How far before a junction its instruction is given."""
_PROJECTIONS = 4


class Route:
    """Lanes one after another, with one arc length along them all; a tour and a lap go on for ever.

    Attributes:
        roads: the lanes.
        lanes: ids, in order; road lanes and junction lanes alternate.
        starts: arc length of the route where each lane begins.
    """

    def __init__(
        self, roads: Roads, lanes: Iterable[int], tour: np.random.Generator | None = None, *, again: bool = False
    ) -> None:
        """`tour` draws the turns of an endless route, and `again` repeats `lanes`; else the route ends with them."""
        self.roads = roads
        self.lanes: list[int] = []
        self.starts: list[float] = []
        self.length = 0.0
        self._tour = tour
        self._turns = dict.fromkeys(INSTRUCTIONS, 0)
        self._visits: dict[int, int] = {}
        self._at = 0
        for lane in lanes:
            if self.lanes and lane not in roads.town.lanes[self.lanes[-1]].successors:
                raise SimulationError(f"A route can't go from lane {self.lanes[-1]} to lane {lane}: they do not meet.")
            self._append(lane)
        if not self.lanes:
            raise SimulationError("A route needs at least one lane.")
        self._round = len(self.lanes) if again else 0

    @property
    def ends(self) -> bool:
        """Whether this is a way to somewhere; tours and laps have no end."""
        return self._tour is None and not self._round

    def extend(self, s: float) -> None:
        """Make sure that a tour or lap goes on beyond an arc length."""
        while self.length <= s and not self.ends:
            self._append(self.lanes[-self._round] if self._round else self._choose())

    def index(self, s: float) -> int:
        """Which of `lanes` an arc length is on; its ends belong to the first and the last lane."""
        at, starts = self._at, self.starts
        while at + 1 < len(starts) and s >= starts[at + 1]:
            at += 1
        while at > 0 and s < starts[at]:
            at -= 1
        self._at = at
        return at

    def junction_after(self, s: float) -> int | None:
        """Index in `lanes` of the first junction lane that begins beyond an arc length; None where the route ends."""
        at = self.index(s)
        at += 2 if self.roads.town.lanes[self.lanes[at]].road < 0 else 1
        if at >= len(self.lanes):
            self.extend(self.length)
        return at if at < len(self.lanes) else None

    def pose(self, s: float) -> tuple[float, float, float]:
        """x, y and heading at an arc length."""
        at = self.index(s)
        return self.roads.pose(self.lanes[at], s - self.starts[at])

    def curvature(self, s: float) -> float:
        """1/m, positive to the left."""
        self.extend(s)
        at = self.index(s)
        return self.roads.curvature(self.lanes[at], s - self.starts[at])

    def speed(self, s: float) -> float:
        """How fast to be at most, by the limit and the bends ahead, m/s."""
        at = self.index(s)
        if at + 1 == len(self.lanes):
            self.extend(self.length)
        lane = self.lanes[at]
        after = self.lanes[at + 1] if at + 1 < len(self.lanes) else self.roads.town.lanes[lane].successors[0]
        return self.roads.speed(lane, after, s - self.starts[at])

    def project(self, x: float, y: float, near: float) -> tuple[float, float]:
        """Arc length of the point of the route beside (x, y), and the distance from it, positive on the left.

        `near` is an arc length at most some 10 m off.
        """
        s = near
        lateral = 0.0
        for _ in range(_PROJECTIONS):
            px, py, heading = self.pose(s)
            c, d = math.cos(heading), math.sin(heading)
            ahead = (x - px) * c + (y - py) * d
            lateral = (y - py) * c - (x - px) * d
            # On the inside of a bend the foot of the perpendicular moves faster than the point.
            s += ahead / max(1.0 - self.curvature(s) * lateral, 0.3)
            if abs(ahead) < 1e-3:
                break
        return s, lateral

    def instruction(self, s: float) -> str:
        """What to do at the next junction, told from `INSTRUCTION_FROM_M` before it until it is left; else "follow"."""
        town = self.roads.town
        at = self.index(s)
        if town.lanes[self.lanes[at]].road >= 0:
            if self.starts[at] + self.roads.length[self.lanes[at]] - s > INSTRUCTION_FROM_M:
                return "follow"
            at += 1
            if at >= len(self.lanes):
                self.extend(self.length)
        return town.lanes[self.lanes[at]].turn if at < len(self.lanes) else "follow"

    def _append(self, lane: int) -> None:
        self.starts.append(self.length)
        self.lanes.append(lane)
        self.length += self.roads.length[lane]
        self._turns[self.roads.town.lanes[lane].turn] += 1
        self._visits[lane] = self._visits.get(lane, 0) + 1

    def _choose(self) -> int:
        """The next lane of a tour: rather a turn that was rare and a road that is new."""
        lanes = self.roads.town.lanes
        options = lanes[self.lanes[-1]].successors
        if len(options) == 1:
            return options[0]
        assert self._tour is not None
        weights = [
            1.0 / ((1 + self._turns[lanes[lane].turn]) * (1 + self._visits.get(lanes[lane].successors[0], 0)) ** 2)
            for lane in options
        ]
        left = float(self._tour.random()) * sum(weights)
        for lane, weight in zip(options, weights, strict=True):
            left -= weight
            if left < 0:
                return lane
        return options[-1]


def shortest(roads: Roads, start: int, goal: int) -> list[int]:
    """Lanes of the shortest way from a lane to another, both included (Dijkstra, by length).

    Raises:
        SimulationError: there is no such lane, or no way.
    """
    lanes = roads.town.lanes
    for lane in (start, goal):
        if not 0 <= lane < len(lanes):
            raise SimulationError(f"This town has lanes 0 to {len(lanes) - 1}; found {lane}.")
    came: dict[int, int] = {}
    queue: list[tuple[float, int, int]] = [(0.0, start, -1)]
    while queue:
        far, lane, before = heapq.heappop(queue)
        if lane in came:
            continue
        came[lane] = before
        if lane == goal:
            return _trace(came, goal)
        for after in lanes[lane].successors:
            if after not in came:
                heapq.heappush(queue, (far + roads.length[after], after, lane))
    raise SimulationError(f"No way leads from lane {start} to lane {goal}.")


def _trace(came: dict[int, int], goal: int) -> list[int]:
    lanes = [goal]
    while came[lanes[-1]] >= 0:
        lanes.append(came[lanes[-1]])
    return lanes[::-1]


def tour(roads: Roads, rng: np.random.Generator, lanes: Sequence[int] | None = None) -> Route:
    """An endless route from a road lane drawn by length, or on from `lanes`."""
    if lanes is None:
        on_road = [lane.id for lane in roads.town.lanes if lane.road >= 0]
        weights = np.array([roads.length[lane] for lane in on_road])
        lanes = [on_road[int(rng.choice(len(on_road), p=weights / weights.sum()))]]
    return Route(roads, lanes, rng)


def lap(roads: Roads) -> Route:
    """An endless route on the shortest way round in a town, always the same; it begins on a road."""
    ways = [
        [lane.id, *shortest(roads, after, lane.id)[:-1]]
        for lane in roads.town.lanes
        if lane.road >= 0
        for after in lane.successors
    ]
    return Route(roads, min(ways, key=lambda way: sum(roads.length[lane] for lane in way)), again=True)
