"""Lanes on a network's roads: who may follow whom, where to stop, and which lights show when."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from convoy_sim.curve import Curve, Floats, bezier, curve_through, wrap
from convoy_sim.network import LANE_WIDTH_M, Network

SPEED_LIMIT_MPS = 40 / 3.6
STOP_LINE_M = 5.2
"""From the stop line to the end of its lane, where the junction begins; a crossing fits between."""
CROSSING_WIDTH_M = 3.0
CROSSING_FROM_JUNCTION_M = 2.5
"""From a crossing's middle to where the junction begins."""

RED, YELLOW, GREEN = 0, 1, 2
GREEN_S, YELLOW_S, ALL_RED_S = 8.0, 2.5, 1.5


@dataclass(frozen=True, eq=False)
class Lane:
    """A directed lane, `LANE_WIDTH_M` wide.

    Attributes:
        id: its index in `Town.lanes`.
        curve: its centre line, in the direction of traffic.
        turn: "follow" on a road; "left", "right" or "straight" through a junction.
        successors, predecessors: ids of the lanes that follow and that lead here.
        road: the road's index, or -1 within a junction.
        junction: the junction that it leads to (on a road) or through.
        opposite: the lane of the other direction on the same road, or -1.
        control: what holds at its end: "light", "yield" (to all other approaches) or "none" (it has priority).
        stop_s: arc length of the stop or give-way line; None where there is none.
        light: index in `Town.lights` of the light that holds for it, or -1.
    """

    id: int
    curve: Curve
    turn: str
    successors: tuple[int, ...]
    predecessors: tuple[int, ...]
    road: int
    junction: int
    opposite: int
    control: str
    stop_s: float | None
    light: int


@dataclass(frozen=True, eq=False)
class Junction:
    """Where three or four roads meet.

    Attributes:
        id: its index in `Town.junctions`.
        xy: its centre; the arms begin `JUNCTION_RADIUS_M` from it.
        arms: heading outward of each arm, counter-clockwise.
        lanes_in, lanes_out: the road lane that arrives and that leaves by each arm.
        connecting: the lanes through it.
        lit: whether lights control it; otherwise a stem (see `Lane.control`) yields.
    """

    id: int
    xy: Floats
    arms: tuple[float, ...]
    lanes_in: tuple[int, ...]
    lanes_out: tuple[int, ...]
    connecting: tuple[int, ...]
    lit: bool


@dataclass(frozen=True)
class Light:
    """The light of one approach. Approaches with the same `phase` of a junction show the same.

    Attributes:
        lane: the lane that it holds for.
        green_from_s: when green begins within the cycle.
        cycle_s: length of the cycle, from time 0 of the simulation.
    """

    id: int
    junction: int
    lane: int
    phase: int
    green_from_s: float
    cycle_s: float

    def state(self, time_s: float) -> int:
        """RED, YELLOW or GREEN at a time."""
        into = (time_s - self.green_from_s) % self.cycle_s
        return GREEN if into < GREEN_S else YELLOW if into < GREEN_S + YELLOW_S else RED


@dataclass(frozen=True, eq=False)
class Crossing:
    """A zebra crossing over both lanes of a road.

    Attributes:
        id: its index in `Town.crossings`.
        xy: its middle, on the road's centre line.
        heading: of the road there; people walk at right angles to it.
        road: the road's index.
        road_s: arc length of it on the road's centre line.
        lanes: (lane, arc length of its middle) of both lanes.
        lights: ids of the lights that hold the traffic on it (empty: cars yield to people).
    """

    id: int
    xy: Floats
    heading: float
    road: int
    road_s: float
    lanes: tuple[tuple[int, float], ...]
    lights: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Traffic:
    """Everything that rules the traffic of a town."""

    lanes: tuple[Lane, ...]
    junctions: tuple[Junction, ...]
    lights: tuple[Light, ...]
    crossings: tuple[Crossing, ...]


@dataclass
class _Draft:
    curve: Curve
    turn: str
    road: int
    junction: int
    opposite: int = -1
    control: str = "none"
    stop_s: float | None = None
    light: int = -1
    successors: list[int] = field(default_factory=list)
    predecessors: list[int] = field(default_factory=list)


def lay_lanes(network: Network, rng: np.random.Generator) -> Traffic:
    """Lay the lanes, lights and crossings of a network. Lanes 2r and 2r + 1 are road r's, there and back."""
    drafts: list[_Draft] = []
    arriving: dict[tuple[int, int], int] = {}
    leaving: dict[tuple[int, int], int] = {}
    for r, road in enumerate(network.roads):
        for points, start, end in (
            (road.centre.offset(-LANE_WIDTH_M / 2), road.start, road.end),
            (road.centre.offset(LANE_WIDTH_M / 2)[::-1], road.end, road.start),
        ):
            arriving[end] = leaving[start] = len(drafts)
            drafts.append(_Draft(curve_through(points), "follow", r, end[0], opposite=len(drafts) ^ 1))
    lights: list[Light] = []
    junctions = []
    for j, plan in enumerate(network.junctions):
        lanes_in = tuple(arriving[j, arm] for arm in range(len(plan.arms)))
        lanes_out = tuple(leaving[j, arm] for arm in range(len(plan.arms)))
        lit = len(plan.arms) == 4 or bool(rng.random() < 0.3)
        first = len(drafts)
        for come, go in ((a, b) for a in lanes_in for b in lanes_out if b != drafts[a].opposite):
            drafts[come].successors.append(len(drafts))
            drafts[go].predecessors.append(len(drafts))
            draft = _connect(drafts[come].curve, drafts[go].curve, j)
            draft.predecessors.append(come)
            draft.successors.append(go)
            drafts.append(draft)
        _control(drafts, lanes_in, plan.arms, lit, lights, j, rng)
        connecting = tuple(range(first, len(drafts)))
        junctions.append(Junction(j, plan.xy, plan.arms, lanes_in, lanes_out, connecting, lit))
    crossings = _crossings(network, drafts, arriving, junctions, rng)
    lanes = tuple(
        Lane(
            at,
            draft.curve,
            draft.turn,
            tuple(draft.successors),
            tuple(draft.predecessors),
            draft.road,
            draft.junction,
            draft.opposite,
            draft.control,
            draft.stop_s,
            draft.light,
        )
        for at, draft in enumerate(drafts)
    )
    return Traffic(lanes, tuple(junctions), tuple(lights), tuple(crossings))


def light_states(lights: tuple[Light, ...], time_s: float) -> NDArray[np.int8]:
    """RED, YELLOW or GREEN of every light at a time."""
    return np.array([light.state(time_s) for light in lights], dtype=np.int8)


def _connect(come: Curve, go: Curve, junction: int) -> _Draft:
    start, end = come.xy[-1], go.xy[0]
    bend = float(wrap(go.heading[0] - come.heading[-1]))
    turn = "straight" if abs(bend) < 0.5 else "left" if bend > 0 else "right"
    chord = float(np.hypot(*(end - start)))
    # A circle's arc of this chord and angle, or a straight line.
    handle = chord / 3 if abs(bend) < 1e-3 else 4 / 3 * np.tan(abs(bend) / 4) * chord / (2 * np.sin(abs(bend) / 2))
    points = bezier(start, float(come.heading[-1]), end, float(go.heading[0]), float(handle))
    return _Draft(curve_through(points), turn, -1, junction)


def _control(
    drafts: list[_Draft],
    lanes_in: tuple[int, ...],
    arms: tuple[float, ...],
    lit: bool,
    lights: list[Light],
    junction: int,
    rng: np.random.Generator,
) -> None:
    """Set what holds for each approach.

    Opposite arms share a phase; without lights, the arm without an opposite yields.
    """
    phases: list[list[int]] = []
    for at, arm in enumerate(arms):
        shared = next((p for p in phases if abs(wrap(arms[p[0]] - arm + np.pi)) < 0.5), None)
        if shared is None:
            phases.append([at])
        else:
            shared.append(at)
    stage = GREEN_S + YELLOW_S + ALL_RED_S
    offset = float(rng.uniform(0, stage * len(phases)))
    for p, phase in enumerate(phases):
        for at in phase:
            draft = drafts[lanes_in[at]]
            if lit:
                draft.control, draft.light = "light", len(lights)
                lights.append(Light(len(lights), junction, lanes_in[at], p, offset + p * stage, stage * len(phases)))
            elif len(phase) == 1:
                draft.control = "yield"
            if draft.control != "none":
                draft.stop_s = draft.curve.length - STOP_LINE_M


def _crossings(
    network: Network,
    drafts: list[_Draft],
    arriving: dict[tuple[int, int], int],
    junctions: list[Junction],
    rng: np.random.Generator,
) -> list[Crossing]:
    places: list[tuple[int, float, tuple[int, ...]]] = []
    for r, road in enumerate(network.roads):
        length = road.centre.length
        for (j, _), s, lane in (
            (road.start, CROSSING_FROM_JUNCTION_M, 2 * r + 1),
            (road.end, length - CROSSING_FROM_JUNCTION_M, 2 * r),
        ):
            if junctions[j].lit:
                places.append((r, s, (drafts[lane].light,)))
            elif rng.random() < 0.35:
                places.append((r, s, ()))
        if length > 130 and rng.random() < 0.7:
            places.append((r, float(rng.uniform(0.4, 0.6) * length), ()))
    crossings: list[Crossing] = []
    for r, s, held_by in places:
        centre = network.roads[r].centre
        x, y, heading = (float(v) for v in centre.at(s))
        lanes = tuple((lane, drafts[lane].curve.project(x, y)[0]) for lane in (2 * r, 2 * r + 1))
        crossings.append(Crossing(len(crossings), np.array([x, y]), heading, r, s, lanes, held_by))
    return crossings
