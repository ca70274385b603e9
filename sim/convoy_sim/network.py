"""The roads of a town: a closed network of two-lane roads and junctions, drawn from a seed.

A jittered grid of nodes loses some of its edges. Nodes that keep three or four arms become junctions, with right angles
between the arms; nodes with two become bends. Roads run from junction to junction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy_sim.curve import Curve, Floats, bezier, curve_through, direction, gentlest_bezier
from convoy_sim.errors import SimulationError

LANE_WIDTH_M = 3.5
JUNCTION_RADIUS_M = 15.0
"""From a junction's centre to where its arms begin: right turns get a radius of 13 m, left turns of 17 m."""
STRAIGHT_ARM_M = 14.0
"""Every arm begins straight: room for a crossing and a stop line."""
TIGHTEST_BEND_M = 24.0
EASE_M = 3.0

_TRIES = 200
_STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])


@dataclass(frozen=True, eq=False)
class JunctionPlan:
    """Where a junction lies: centre, and the heading outward of each arm, counter-clockwise."""

    xy: Floats
    arms: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class RoadPlan:
    """A road's centre line from one junction's arm to another's: (junction, arm) at either end."""

    centre: Curve
    start: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Network:
    junctions: tuple[JunctionPlan, ...]
    roads: tuple[RoadPlan, ...]


def plan_network(rng: np.random.Generator) -> Network:
    """Draw a network: connected, without dead ends, no bend tighter than `TIGHTEST_BEND_M`."""
    for _ in range(_TRIES):
        grid = _Grid(rng)
        if not grid.thin_out(rng):
            continue
        roads = grid.roads(rng)
        if all(np.abs(road.centre.curvature).max() <= 1 / TIGHTEST_BEND_M for road in roads):
            return Network(grid.junctions(), tuple(roads))
    raise SimulationError("No road network came out of this seed; take another one.")


class _Grid:
    """Nodes with a place and a turn, and the arms that each has (0 to 3: right, up, left, down of its own turn)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.columns, self.rows = ((4, 3), (3, 4), (4, 4), (5, 3))[rng.integers(4)]
        x = np.cumsum(rng.uniform(115, 150, self.columns))
        y = np.cumsum(rng.uniform(115, 150, self.rows))
        self.xy = np.stack(np.meshgrid(x - x.mean(), y - y.mean(), indexing="ij"), axis=-1)
        self.xy += rng.uniform(-11, 11, self.xy.shape)
        self.turn = rng.uniform(-0.3, 0.3, self.xy.shape[:2])
        self.arms = np.zeros((self.columns, self.rows, 4), dtype=bool)
        self.arms[:-1, :, 0] = self.arms[1:, :, 2] = True
        self.arms[:, :-1, 1] = self.arms[:, 1:, 3] = True

    def thin_out(self, rng: np.random.Generator) -> bool:
        """Take edges away; says whether enough junctions are left."""
        edges = [(i, j, k) for i, j, k in np.argwhere(self.arms) if k < 2]
        spare = round(len(edges) * rng.uniform(0.1, 0.26))
        for at in rng.permutation(len(edges)):
            if not spare:
                break
            spare -= self._remove(*edges[at])
        degrees = self.arms.sum(axis=2)
        return bool((degrees == 4).any() and (degrees >= 3).sum() >= 5)

    def junctions(self) -> tuple[JunctionPlan, ...]:
        return tuple(
            JunctionPlan(self.xy[i, j], tuple(self._heading(i, j, k) for k in np.flatnonzero(self.arms[i, j])))
            for i, j in self._junction_nodes()
        )

    def roads(self, rng: np.random.Generator) -> list[RoadPlan]:
        ids = {node: at for at, node in enumerate(self._junction_nodes())}
        roads, done = [], set()
        for node in ids:
            for arm in np.flatnonzero(self.arms[node]):
                if (node, arm) in done:
                    continue
                points, (end, back) = self._follow(node, int(arm), ids, rng)
                done |= {(node, arm), (end, back)}
                roads.append(
                    RoadPlan(
                        curve_through(points, EASE_M),
                        (ids[node], self._rank(node, int(arm))),
                        (ids[end], self._rank(end, back)),
                    )
                )
        return roads

    def _follow(
        self, node: tuple[int, int], arm: int, ends: dict[tuple[int, int], int], rng: np.random.Generator
    ) -> tuple[Floats, tuple[tuple[int, int], int]]:
        """Points of the road that leaves a junction by an arm, up to the next junction; that junction and its arm."""
        heading = self._heading(*node, arm)
        pieces = [
            self.xy[node] + direction(heading) * np.array([[JUNCTION_RADIUS_M], [JUNCTION_RADIUS_M + STRAIGHT_ARM_M]])
        ]
        while True:
            node = (node[0] + int(_STEPS[arm][0]), node[1] + int(_STEPS[arm][1]))
            back = (arm + 2) % 4
            if node in ends:
                inward = self._heading(*node, back) + np.pi
                last = self.xy[node] - direction(inward) * np.array(
                    [[JUNCTION_RADIUS_M + STRAIGHT_ARM_M], [JUNCTION_RADIUS_M]]
                )
                pieces += [gentlest_bezier(pieces[-1][-1], heading, last[0], inward), last]
                return np.concatenate(pieces), (node, back)
            arm = next(int(k) for k in np.flatnonzero(self.arms[node]) if k != back)
            inward, outward = self._heading(*node, back) + np.pi, self._heading(*node, arm)
            if arm == (back + 2) % 4:
                bend = self.xy[node][None] + np.array([[-1.0], [1.0]]) * direction(inward)
            else:
                radius = rng.uniform(28, 52)
                enter, leave = self.xy[node] - radius * direction(inward), self.xy[node] + radius * direction(outward)
                bend = bezier(enter, inward, leave, outward, 0.5523 * radius)
            pieces += [gentlest_bezier(pieces[-1][-1], heading, bend[0], inward), bend]
            heading = outward

    def _remove(self, i: int, j: int, k: int) -> bool:
        ends = ((i, j, k), (i + _STEPS[k][0], j + _STEPS[k][1], k + 2))
        if any(self.arms[end[:2]].sum() <= 2 for end in ends):
            return False
        for end in ends:
            self.arms[end] = False
        if self._connected():
            return True
        for end in ends:
            self.arms[end] = True
        return False

    def _connected(self) -> bool:
        seen, todo = {(0, 0)}, [(0, 0)]
        while todo:
            i, j = todo.pop()
            for k in np.flatnonzero(self.arms[i, j]):
                node = (i + int(_STEPS[k][0]), j + int(_STEPS[k][1]))
                if node not in seen:
                    seen.add(node)
                    todo.append(node)
        return len(seen) == self.columns * self.rows

    def _junction_nodes(self) -> list[tuple[int, int]]:
        return [(int(i), int(j)) for i, j in np.argwhere(self.arms.sum(axis=2) >= 3)]

    def _heading(self, i: int, j: int, arm: int | np.integer) -> float:
        return float(self.turn[i, j] + arm * np.pi / 2)

    def _rank(self, node: tuple[int, int], arm: int) -> int:
        """Which of the node's arms this is, counted counter-clockwise."""
        return int(self.arms[node][:arm].sum())
