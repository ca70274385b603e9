"""Where the carriageway ends: kerbs with parking bays, and the footways along them.

Every road lane has a kerb on its right. Where it reaches a junction the kerb goes on to the next arm on the right, and
so on, until it closes: each ring goes round one block of the town (and one round the whole town, outside).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy_sim.curve import Curve, Floats, bezier, curve_through, direction, wrap
from convoy_sim.lanes import Traffic
from convoy_sim.network import LANE_WIDTH_M, Network

FOOTWAY_WIDTH_M = 2.6
BAY_DEPTH_M = 2.3
BAY_LENGTH_M = 6.0
"""Of one parking spot."""

_TAPER_M = 1.5
_CLEAR_OF_JUNCTION_M = 16.0
_CLEAR_OF_CROSSING_M = 9.0


@dataclass(frozen=True, eq=False)
class Footway:
    """A closed ring of pavement round a block, between the kerb and its outer edge.

    Attributes:
        id: its index in `Town.footways`.
        kerb, edge: (N, 2) points of both edges, pairwise opposite; the last is the first again. Walking along, the
            kerb (and the road) is on the left.
        walk: its middle, closed: the end of the curve is its start.
        crossings: (crossing, arc length on `walk`) of the crossings that begin here. People cross from here to the
            other footway (or the other place of this one) that names the same crossing.
    """

    id: int
    kerb: Floats
    edge: Floats
    walk: Curve
    crossings: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ParkingSpot:
    """A place for a parked car in a bay beside a lane: its middle, and the heading of the lane there."""

    lane: int
    x: float
    y: float
    heading: float


def plan_bays(network: Network, traffic: Traffic, rng: np.random.Generator) -> dict[int, list[tuple[float, int]]]:
    """Parking bays by lane: (arc length on the road's centre line, in the lane's direction, where it begins; spots)."""
    bays: dict[int, list[tuple[float, int]]] = {}
    for r, road in enumerate(network.roads):
        for lane in (2 * r, 2 * r + 1):
            length = road.centre.length
            blocked = [(crossing.road_s, _CLEAR_OF_CROSSING_M) for crossing in traffic.crossings if crossing.road == r]
            blocked += [(0.0, _CLEAR_OF_JUNCTION_M), (length, _CLEAR_OF_JUNCTION_M)]
            if lane % 2:
                blocked = [(length - s, clear) for s, clear in blocked]
            bays[lane] = []
            s = float(rng.uniform(0, 30))
            while s < length and rng.random() < 0.75:
                spots = int(rng.integers(2, 6))
                end = s + spots * BAY_LENGTH_M
                if all(end + _TAPER_M < at - clear or s - _TAPER_M > at + clear for at, clear in blocked):
                    bays[lane].append((s, spots))
                    s = end
                s += float(rng.uniform(8, 30))
    return bays


def lay_kerbs(
    network: Network, traffic: Traffic, bays: dict[int, list[tuple[float, int]]]
) -> tuple[tuple[Footway, ...], tuple[ParkingSpot, ...]]:
    """Lay the kerbs, footways and parking spots of a town."""
    lines = {lane: _roadside(network, lane, bays[lane]) for lane in bays}
    following = {}
    corners = {}
    for junction in traffic.junctions:
        for arm, lane in enumerate(junction.lanes_in):
            right = (arm + 1) % len(junction.arms)
            following[lane] = junction.lanes_out[right]
            corners[lane] = _corner(lines[lane], lines[following[lane]])
    footways: list[Footway] = []
    left = set(lines)
    while left:
        lane = first = min(left)
        parts: list[tuple[Floats, Floats]] = []
        ring = []
        while True:
            left.remove(lane)
            ring.append(lane)
            parts += [lines[lane], corners[lane]]
            lane = following[lane]
            if lane == first:
                break
        kerb, edge = (np.concatenate([part[k] for part in parts] + [parts[0][k][:1]]) for k in (0, 1))
        walk = curve_through((kerb + edge) / 2, smooth_m=0.8)
        touching = []
        for crossing in traffic.crossings:
            across = direction(crossing.heading + np.pi / 2)
            for lane, _ in crossing.lanes:
                if lane in ring:
                    side = -1 if lane % 2 == 0 else 1
                    x, y = crossing.xy + side * across * (LANE_WIDTH_M + FOOTWAY_WIDTH_M / 2)
                    touching.append((crossing.id, walk.project(x, y)[0] % walk.length))
        footways.append(Footway(len(footways), kerb, edge, walk, tuple(touching)))
    spots = tuple(spot for lane in bays for spot in _spots(network, lane, bays[lane]))
    return tuple(footways), spots


def _roadside(network: Network, lane: int, bays: list[tuple[float, int]]) -> tuple[Floats, Floats]:
    """Points of a lane's kerb and of its footway's outer edge, in the lane's direction."""
    centre = network.roads[lane // 2].centre
    s = np.linspace(0, centre.length, len(centre.xy))
    corners = [(0.0, 0.0)]
    for start, spots in bays:
        end = start + spots * BAY_LENGTH_M
        corners += [(start - _TAPER_M, 0.0), (start, BAY_DEPTH_M), (end, BAY_DEPTH_M), (end + _TAPER_M, 0.0)]
    # The bends of the kerb must be samples, or the taper is cut short.
    bulge = np.interp(s, *np.array(corners).T) if bays else np.zeros(len(s))
    if lane % 2:
        bulge = bulge[::-1]
    side = 1.0 if lane % 2 else -1.0
    kerb = centre.offset(side * (LANE_WIDTH_M + bulge))
    edge = centre.offset(side * (LANE_WIDTH_M + bulge + FOOTWAY_WIDTH_M))
    return (kerb[::-1], edge[::-1]) if lane % 2 else (kerb, edge)


def _corner(come: tuple[Floats, Floats], go: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Kerb and outer edge round a junction's corner (or straight on, where there is no arm on the right)."""
    heading, away = (float(np.arctan2(*(part[-1] - part[-2])[::-1])) for part in (come[0], go[0][:2]))
    bend = abs(float(wrap(away - heading)))
    count = 24
    out = []
    for k in (0, 1):
        start, end = come[k][-1], go[k][0]
        chord = float(np.hypot(*(end - start)))
        handle = chord / 3 if bend < 1e-3 else 4 / 3 * np.tan(bend / 4) * chord / (2 * np.sin(bend / 2))
        points = bezier(start, heading, end, away, float(handle))
        out.append(points[np.linspace(0, len(points) - 1, count).round().astype(int)][1:-1])
    return out[0], out[1]


def _spots(network: Network, lane: int, bays: list[tuple[float, int]]) -> list[ParkingSpot]:
    centre = network.roads[lane // 2].centre
    found = []
    for start, spots in bays:
        for k in range(spots):
            s = start + (k + 0.5) * BAY_LENGTH_M
            x, y, heading = (float(v) for v in centre.at(centre.length - s if lane % 2 else s))
            heading += np.pi if lane % 2 else 0.0
            x, y = np.array([x, y]) + (LANE_WIDTH_M + BAY_DEPTH_M / 2) * direction(heading - np.pi / 2)
            found.append(ParkingSpot(lane, float(x), float(y), float(wrap(heading))))
    return found
