"""A town's lanes as plain lists: where a car is and how fast it may go, looked up many times a step.

For one value at a time, lists are ten times as fast as arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from convoy_sim.curve import Floats
from convoy_sim.lanes import CROSSING_WIDTH_M, SPEED_LIMIT_MPS, STOP_LINE_M
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.town import Town

LATERAL_ACCELERATION = 2.5
"""What people in a car take for comfortable in a bend, m/s^2."""
APPROACH_DECELERATION = 2.0
"""How cars slow down for a bend, m/s^2."""


@dataclass(frozen=True)
class ZebraAhead:
    """A crossing as a lane meets it: arc lengths of its near and far edge."""

    crossing: int
    near: float
    far: float


class Roads:
    """The lanes of a town, by their ids.

    Attributes:
        town: the town.
        length: metres of each lane.
        line: arc length of where to wait at a road lane's end, whether or not a line is painted.
        zebras: the crossings on each lane, in its direction.
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        self.length = [lane.curve.length for lane in town.lanes]
        self.line = [length - STOP_LINE_M for length in self.length]
        self._step = [lane.curve.step for lane in town.lanes]
        self._last = [len(lane.curve.xy) - 2 for lane in town.lanes]
        self._x = [lane.curve.xy[:, 0].tolist() for lane in town.lanes]
        self._y = [lane.curve.xy[:, 1].tolist() for lane in town.lanes]
        self._heading = [lane.curve.heading.tolist() for lane in town.lanes]
        self._curvature = [lane.curve.curvature.tolist() for lane in town.lanes]
        self._speed = {
            (lane.id, after): _speeds(town, lane.id, after) for lane in town.lanes for after in lane.successors
        }
        found = [(lane, s, crossing.id) for crossing in town.crossings for lane, s in crossing.lanes]
        half = CROSSING_WIDTH_M / 2
        self.zebras: list[list[ZebraAhead]] = [[] for _ in town.lanes]
        for lane, s, crossing in sorted(found):
            self.zebras[lane].append(ZebraAhead(crossing, s - half, s + half))
        corners = [(lane.curve.xy.min(axis=0), lane.curve.xy.max(axis=0)) for lane in town.lanes]
        self._low = np.array([low for low, _ in corners]) - LANE_WIDTH_M
        self._high = np.array([high for _, high in corners]) + LANE_WIDTH_M

    def pose(self, lane: int, s: float) -> tuple[float, float, float]:
        """x, y and heading on a lane's centre line; on its tangent beyond an end."""
        u = s / self._step[lane]
        i = min(max(int(u), 0), self._last[lane])
        w = u - i
        x, y, heading = self._x[lane], self._y[lane], self._heading[lane]
        turned = min(max(w, 0.0), 1.0)
        return (
            x[i] + (x[i + 1] - x[i]) * w,
            y[i] + (y[i + 1] - y[i]) * w,
            heading[i] + (heading[i + 1] - heading[i]) * turned,
        )

    def curvature(self, lane: int, s: float) -> float:
        """Of a lane's centre line, 1/m, positive to the left."""
        i = min(max(int(s / self._step[lane] + 0.5), 0), self._last[lane] + 1)
        return self._curvature[lane][i]

    def speed(self, lane: int, after: int, s: float) -> float:
        """How fast to be at most, by the limit and the bends ahead, on a lane that is left for the lane `after`."""
        i = min(max(int(s / self._step[lane]), 0), self._last[lane] + 1)
        return self._speed[lane, after][i]

    def near(self, points: Floats, reach_m: float) -> list[tuple[int, float, float]]:
        """The lanes whose centre line is within `reach_m` (at most the lane's width) of any of (N, 2) points.

        Returns:
            (lane, least arc length, greatest arc length) of the points that are near.
        """
        low, high = points.min(axis=0), points.max(axis=0)
        found = []
        for lane in np.flatnonzero(((self._low <= high) & (self._high >= low)).all(axis=1)).tolist():
            xy = self.town.lanes[lane].curve.xy
            away = np.hypot(xy[:, 0, None] - points[:, 0], xy[:, 1, None] - points[:, 1])
            at = away.argmin(axis=0)[away.min(axis=0) <= reach_m]
            if len(at):
                found.append((lane, float(at.min()) * self._step[lane], float(at.max()) * self._step[lane]))
        return found


def _speeds(town: Town, lane: int, after: int) -> list[float]:
    """At every sample of a lane: slow enough for the bends of it and of the lane after it."""
    curves = [town.lanes[lane].curve, town.lanes[after].curve]
    bend = np.concatenate([np.abs(curve.curvature) for curve in curves])
    first, second = (np.arange(len(curve.xy)) * curve.step for curve in curves)
    along = np.concatenate([first, first[-1] + second])
    square = np.minimum(SPEED_LIMIT_MPS**2, LATERAL_ACCELERATION / np.maximum(bend, 1e-6))
    reachable = square + 2 * APPROACH_DECELERATION * along
    reachable = np.minimum.accumulate(reachable[::-1])[::-1] - 2 * APPROACH_DECELERATION * along
    return [math.sqrt(v) for v in reachable[: len(first)]]
