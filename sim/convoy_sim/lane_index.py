"""Which lane a pose is on, fast: for every cell of a grid, the lanes near it and the sample of each that is nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convoy_sim.curve import Floats
from convoy_sim.lanes import Lane
from convoy_sim.network import LANE_WIDTH_M

CELL_M = 2.0
REACH_M = 9.0
"""Poses up to this far from a lane's centre line are found in the grid; others take the nearest sample of all."""
TURN_COST_M = 6.0
"""A lane that leads 90 degrees away from a pose counts as this much farther away."""


@dataclass(frozen=True, eq=False)
class LanePoint:
    """Where a pose is on a lane; scalars for one pose, (N,) arrays for N.

    Attributes:
        lane: the lane's id.
        s: arc length on it, metres (beyond its ends: less than 0, more than its length).
        lateral: distance from its centre line, metres, positive on the left.
        heading_error: pose's heading minus the lane's, radians in (-pi, pi].
        curvature: of the lane there, 1/m.
    """

    lane: NDArray[np.intp]
    s: Floats
    lateral: Floats
    heading_error: Floats
    curvature: Floats


class LaneIndex:
    """A grid over all lanes of a town."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        counts = np.array([len(lane.curve.xy) for lane in lanes])
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._last = self._first + counts - 1
        self._step = np.array([lane.curve.step for lane in lanes])
        xy = np.concatenate([lane.curve.xy for lane in lanes])
        heading = np.concatenate([lane.curve.heading for lane in lanes])
        self._lane = np.repeat(np.arange(len(lanes)), counts)
        self._curvature = np.concatenate([lane.curve.curvature for lane in lanes])
        # x, y, cosine and sine side by side: one lookup brings them all.
        self._sample = np.stack([xy[:, 0], xy[:, 1], np.cos(heading), np.sin(heading)])
        self._origin = xy.min(axis=0) - REACH_M - CELL_M
        columns, rows = np.ceil((xy.max(axis=0) + REACH_M + CELL_M - self._origin) / CELL_M).astype(int).tolist()
        self._shape = (columns, rows)
        self._rows, self._near = self._grid(xy)

    def locate(self, x: ArrayLike, y: ArrayLike, heading: ArrayLike) -> LanePoint:
        """See `Town.locate`."""
        x, y, heading = (np.asarray(v, dtype=np.float64) for v in (x, y, heading))
        shape = x.shape
        sample, lane, along, lateral = self._candidates(x.ravel(), y.ravel())
        c, s = np.cos(heading.ravel()), np.sin(heading.ravel())
        lane_c, lane_s = self._sample[2:, sample]
        cosine = lane_c * c[:, None] + lane_s * s[:, None]
        beyond = np.maximum(np.abs(along) - self._step[lane], 0.0)
        cost = np.sqrt(beyond * beyond + lateral * lateral) - TURN_COST_M * cosine
        best = np.arange(len(cost)), cost.argmin(axis=1)
        sample, lane, along, lateral, cosine = sample[best], lane[best], along[best], lateral[best], cosine[best]
        lane_c, lane_s, curvature, step = lane_c[best], lane_s[best], self._curvature[sample], self._step[lane]
        # The tangent turns on the way from the sample to the point.
        on_the_way = np.minimum(np.maximum(along, -step), step)
        error = np.arctan2(s * lane_c - c * lane_s, cosine) - curvature * on_the_way
        place = (sample - self._first[lane]) * step + along
        return LanePoint(*(v.reshape(shape)[()] for v in (lane, place, lateral, error, curvature)))

    def margin(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """See `Town.road_margin`."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        _, lane, along, lateral = self._candidates(x.ravel(), y.ravel())
        beyond = np.maximum(np.abs(along) - self._step[lane], 0.0)
        away = np.sqrt((beyond * beyond + lateral * lateral).min(axis=1))
        return np.asarray(LANE_WIDTH_M / 2 - away.reshape(x.shape))

    def _candidates(self, x: Floats, y: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
        """(N, K) of the lanes near each of N points: nearest sample, lane, and the point in that sample's frame."""
        columns, rows = self._shape
        col = ((x - self._origin[0]) * (1 / CELL_M)).astype(np.intp)
        row = ((y - self._origin[1]) * (1 / CELL_M)).astype(np.intp)
        inside = (col >= 0) & (row >= 0) & (col < columns) & (row < rows)
        at = self._rows[np.where(inside, col * rows + row, 0)]
        sample = self._near[at]
        if not at.all():
            for far in np.flatnonzero(at == 0):
                dx, dy = self._sample[0] - x[far], self._sample[1] - y[far]
                sample[far] = np.argmin(dx * dx + dy * dy)
        lane = self._lane[sample]
        along, lateral = self._in_frame(x, y, sample)
        # On the inside of a bend the foot of the perpendicular moves faster than the point.
        reach = along / np.maximum(1 - self._curvature[sample] * lateral, 0.25)
        steps = np.rint(reach / self._step[lane]).astype(np.intp)
        sample = np.minimum(np.maximum(sample + steps, self._first[lane]), self._last[lane])
        along, lateral = self._in_frame(x, y, sample)
        return sample, lane, along, lateral

    def _in_frame(self, x: Floats, y: Floats, sample: NDArray[np.intp]) -> tuple[Floats, Floats]:
        sx, sy, c, s = self._sample[:, sample]
        dx, dy = x[:, None] - sx, y[:, None] - sy
        return dx * c + dy * s, dy * c - dx * s

    def _grid(self, xy: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(cells,) rows of the table of near samples, 0 where none are; (rows, K) that table, short rows padded."""
        span = int(np.ceil(REACH_M / CELL_M))
        shift = np.stack(np.meshgrid(*[np.arange(-span, span + 1)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
        home = ((xy - self._origin) / CELL_M).astype(int)
        cell = (home[:, None] + shift).reshape(-1, 2)
        sample = np.repeat(np.arange(len(xy)), len(shift))
        away = np.hypot(*(self._origin + (cell + 0.5) * CELL_M - xy[sample]).T)
        keep = (away <= REACH_M) & (cell >= 0).all(axis=1) & (cell < self._shape).all(axis=1)
        cell_id, sample, away = (cell[:, 0] * self._shape[1] + cell[:, 1])[keep], sample[keep], away[keep]
        pair = cell_id * (self._lane[-1] + 1) + self._lane[sample]
        order = np.lexsort((away, pair))
        pair, cell_id, sample = pair[order], cell_id[order], sample[order]
        nearest = np.concatenate([[True], np.diff(pair) > 0])
        cell_id, sample = cell_id[nearest], sample[nearest]
        cells, first, counts = np.unique(cell_id, return_index=True, return_counts=True)
        column = np.arange(len(cell_id)) - np.repeat(first, counts)
        table = np.repeat(np.concatenate([[0], sample[first]])[:, None], counts.max(), axis=1)
        table[np.repeat(np.arange(1, len(cells) + 1), counts), column] = sample
        rows = np.zeros(self._shape[0] * self._shape[1], dtype=np.intp)
        rows[cells] = np.arange(1, len(cells) + 1)
        return rows, table
