"""What stands along the roads: buildings, trees, lamps, signs, parked cars, cones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy_sim.curve import Floats, direction, wrap
from convoy_sim.kerbs import FOOTWAY_WIDTH_M, Footway, ParkingSpot
from convoy_sim.lanes import STOP_LINE_M, Traffic
from convoy_sim.network import JUNCTION_RADIUS_M, LANE_WIDTH_M

QUARTERS = ("old_town", "suburb", "offices", "park")
"""Each block of the town is one of these."""
TREES = ("broad", "round", "conifer", "poplar")
CAR_MODELS = ("hatchback", "sedan", "estate", "suv", "van")
CAR_COLOURS = ("white", "silver", "grey", "black", "red", "blue", "green", "beige")
CAR_SIZES_M = {
    "hatchback": (3.95, 1.72, 1.46),
    "sedan": (4.55, 1.78, 1.43),
    "estate": (4.65, 1.80, 1.48),
    "suv": (4.50, 1.86, 1.70),
    "van": (5.20, 1.95, 2.15),
}
"""Length, width and height of every model."""

PROP_WIDTH_M = {
    "tree": 0.4,
    "lamp": 0.2,
    "traffic_light": 0.2,
    "sign": 0.1,
    "cone": 0.35,
    "bin": 0.5,
    "bench": 0.6,
    "hedge": 0.8,
    "fence": 0.2,
}
"""How wide things are near the ground."""


@dataclass(frozen=True)
class Building:
    """A block of masonry: a rectangle of `length` (along its front) x `depth`, its middle and the front's heading.

    `quarter` is one of `QUARTERS`; `style` (0 to 1) and `roof` ("flat", "gable") say how it looks.
    """

    x: float
    y: float
    heading: float
    length: float
    depth: float
    storeys: int
    quarter: str
    style: float
    roof: str


@dataclass(frozen=True)
class Prop:
    """A thing on the ground.

    Attributes:
        kind: "tree", "lamp", "traffic_light", "sign", "cone", "bin", "bench", "hedge" or "fence".
        x, y, heading: a sign and a light face along their heading; a lamp's arm and a bench point along it.
        size: height of a tree, sign or lamp, length of a hedge or fence, metres; 0 where there is but one size.
        variant: the species of a tree, the face of a sign.
        light: for a traffic light, the index in `Town.lights`.
    """

    kind: str
    x: float
    y: float
    heading: float
    size: float = 0.0
    variant: str = ""
    light: int = -1


@dataclass(frozen=True)
class ParkedCar:
    """A car that stays where it is: its middle, and where it points."""

    x: float
    y: float
    heading: float
    model: str
    colour: str


@dataclass(frozen=True, eq=False)
class Scenery:
    buildings: tuple[Building, ...]
    props: tuple[Prop, ...]
    parked: tuple[ParkedCar, ...]


def furnish(
    traffic: Traffic, footways: tuple[Footway, ...], spots: tuple[ParkingSpot, ...], rng: np.random.Generator
) -> Scenery:
    """Place everything that stands in a town; nothing on the roads, nothing within something else."""
    ground = _Ground(footways)
    props = _lights(traffic) + _signs(traffic, rng)
    parked, cones = _park(spots, rng)
    buildings: list[Building] = []
    quarters = [str(rng.choice(QUARTERS, p=(0.38, 0.3, 0.2, 0.12))) for _ in footways]
    # The longest footway goes round the whole town: houses there keep the ring road from running through fields.
    outside = int(np.argmax([footway.walk.length for footway in footways]))
    quarters[outside] = str(rng.choice(QUARTERS[:2]))
    for footway, quarter in zip(footways, quarters, strict=True):
        buildings += _build_along(footway, quarter, ground, rng)
    for footway, quarter in zip(footways, quarters, strict=True):
        props += _line(footway, quarter, traffic, ground, rng)
    props += _scatter_trees(ground, rng)
    return Scenery(tuple(buildings), tuple(props + cones), tuple(parked))


class _Ground:
    """Which square metres are taken."""

    MARGIN_M = 45.0

    def __init__(self, footways: tuple[Footway, ...]) -> None:
        edges = np.concatenate([footway.edge for footway in footways])
        self.low = np.floor(edges.min(axis=0) - self.MARGIN_M)
        self.high = np.ceil(edges.max(axis=0) + self.MARGIN_M)
        self._taken = np.zeros((self.high - self.low).astype(int), dtype=bool)
        for footway in footways:
            across = np.linspace(0, 1, 8)[:, None, None]
            self._mark((footway.kerb * (1 - across) + footway.edge * across).reshape(-1, 2))
        # Roads lie within 7 m of a kerb, on its other side.
        for footway in footways:
            out = footway.kerb - footway.edge
            out /= np.maximum(np.hypot(*out.T), 1e-9)[:, None]
            for far in np.arange(0, 9.1, 0.7):
                self._mark(footway.kerb + out * far)

    def take(self, x: float, y: float, heading: float, length: float, depth: float, gap: float = 0.0) -> bool:
        """Take a rectangle if it is free, `gap` metres around it included."""
        points = self._points(x, y, heading, length + 2 * gap, depth + 2 * gap)
        cells = self._cells(points)
        inside = (cells >= 0).all(axis=1) & (cells < self._taken.shape).all(axis=1)
        if not inside.all() or self._taken[tuple(cells.T)].any():
            return False
        self._mark(self._points(x, y, heading, length, depth))
        return True

    def _points(self, x: float, y: float, heading: float, length: float, depth: float) -> Floats:
        u, v = (np.linspace(-0.5, 0.5, max(2, int(np.ceil(size / 0.7)) + 1)) * size for size in (length, depth))
        grid = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
        c, s = np.cos(heading), np.sin(heading)
        return np.array([x, y]) + grid @ np.array([[c, s], [-s, c]])

    def _cells(self, points: Floats) -> np.ndarray:
        return np.floor(points - self.low).astype(int)

    def _mark(self, points: Floats) -> None:
        cells = self._cells(points)
        inside = (cells >= 0).all(axis=1) & (cells < self._taken.shape).all(axis=1)
        self._taken[tuple(cells[inside].T)] = True


def _build_along(footway: Footway, quarter: str, ground: _Ground, rng: np.random.Generator) -> list[Building]:
    if quarter == "park":
        return []
    walk = footway.walk
    setback, gap, lengths, depths, storeys = {
        "old_town": ((0.6, 1.4), (0.0, 0.3), (9, 17), (10, 14), (3, 5)),
        "suburb": ((5.0, 9.0), (5.0, 14.0), (9, 14), (8, 11), (1, 2)),
        "offices": ((3.0, 7.0), (5.0, 18.0), (18, 34), (14, 22), (3, 8)),
    }[quarter]
    found = []
    s = float(rng.uniform(0, 10))
    back = float(rng.uniform(*setback))
    while s < walk.length:
        length, depth = float(rng.uniform(*lengths)), float(rng.uniform(*depths))
        if rng.random() < 0.3 or quarter != "old_town":
            back = float(rng.uniform(*setback))
        x, y, heading = (float(v) for v in walk.at(s + length / 2))
        away = FOOTWAY_WIDTH_M / 2 + back + depth / 2
        x, y = np.array([x, y]) + away * direction(heading - np.pi / 2)
        if ground.take(x, y, heading, length, depth):
            tall = int(rng.integers(storeys[0], storeys[1] + 1))
            roof = "gable" if quarter == "suburb" or (quarter == "old_town" and rng.random() < 0.65) else "flat"
            style = float(rng.random())
            found.append(Building(float(x), float(y), float(wrap(heading)), length, depth, tall, quarter, style, roof))
            s += length + float(rng.uniform(*gap))
        else:
            s += 2.0
    return found


def _line(footway: Footway, quarter: str, traffic: Traffic, ground: _Ground, rng: np.random.Generator) -> list[Prop]:
    """Lamps on the kerb's side of a footway, trees, hedges, bins and benches on the other."""
    walk, props = footway.walk, []
    lamp_out = FOOTWAY_WIDTH_M / 2 - 0.35
    crossings = np.array([s for _, s in footway.crossings])
    for s in np.arange(float(rng.uniform(5, 25)), walk.length - 8, 27.0):
        if len(crossings) and np.abs(crossings - s).min() < 4:
            s += 6.0
        x, y, heading = (float(v) for v in walk.at(s))
        left = direction(heading + np.pi / 2)
        x, y = np.array([x, y]) + lamp_out * left
        props.append(Prop("lamp", float(x), float(y), float(wrap(heading + np.pi / 2)), 6.5))
    species = TREES[int(rng.integers(len(TREES)))]
    gap, chance = {"old_town": (14, 0.35), "suburb": (12, 0.7), "offices": (11, 0.75), "park": (9, 0.9)}[quarter]
    s = float(rng.uniform(0, 10))
    while s < walk.length - 4:
        x, y, heading = (float(v) for v in walk.at(s))
        out = direction(heading - np.pi / 2)
        x, y = np.array([x, y]) + out * (FOOTWAY_WIDTH_M / 2 + float(rng.uniform(1.6, 2.2)))
        if rng.random() < chance:
            if ground.take(x, y, heading, 1.0, 1.0):
                height = float(rng.uniform(5.5, 9.5))
                props.append(Prop("tree", float(x), float(y), float(rng.uniform(-3, 3)), height, species))
        elif quarter == "suburb":
            length = float(rng.uniform(3, 9))
            if ground.take(x, y, heading, length, 0.8):
                kind = "hedge" if rng.random() < 0.6 else "fence"
                props.append(Prop(kind, float(x), float(y), float(wrap(heading)), length))
        elif rng.random() < 0.3:
            kind = "bench" if quarter == "park" or rng.random() < 0.4 else "bin"
            if ground.take(x, y, heading, 1.8, 0.8):
                props.append(Prop(kind, float(x), float(y), float(wrap(heading + np.pi / 2))))
        s += gap * float(rng.uniform(0.7, 1.4))
    return props


def _scatter_trees(ground: _Ground, rng: np.random.Generator) -> list[Prop]:
    """Groves wherever nothing is: the inside of blocks, parks and the country round the town."""
    props = []
    for centre in rng.uniform(ground.low, ground.high, (60, 2)):
        species = TREES[int(rng.integers(len(TREES)))]
        for x, y in centre + rng.normal(0, 9, (int(rng.integers(2, 8)), 2)):
            if ground.take(x, y, 0.0, 2.0, 2.0, gap=2.0):
                height = float(rng.uniform(6, 12))
                props.append(Prop("tree", float(x), float(y), float(rng.uniform(-3, 3)), height, species))
    return props


def _lights(traffic: Traffic) -> list[Prop]:
    """Two heads for every light: on the right past the stop line, and straight ahead beyond the junction."""
    props = []
    for light in traffic.lights:
        lane = traffic.lanes[light.lane]
        junction = traffic.junctions[light.junction]
        x, y, heading = (float(v) for v in lane.curve.at(lane.curve.length))
        end, ahead, right = np.array([x, y]), direction(heading), direction(heading - np.pi / 2)
        near = end + ahead * 0.3 + right * (LANE_WIDTH_M / 2 + 0.5)
        opposite = any(abs(wrap(arm - heading)) < 0.5 for arm in junction.arms)
        reach = 2 * JUNCTION_RADIUS_M + 0.3 if opposite else JUNCTION_RADIUS_M + LANE_WIDTH_M + 0.5
        far = end + ahead * reach + right * (LANE_WIDTH_M / 2 + 0.5 if opposite else 0.0)
        for spot in (near, far):
            facing = float(wrap(heading + np.pi))
            props.append(Prop("traffic_light", float(spot[0]), float(spot[1]), facing, 3.2, light=light.id))
    return props


def _signs(traffic: Traffic, rng: np.random.Generator) -> list[Prop]:
    """Signs on the right of a lane, facing its traffic."""
    props = []

    def put(lane: int, s: float, face: str) -> None:
        x, y, heading = (float(v) for v in traffic.lanes[lane].curve.at(s))
        x, y = np.array([x, y]) + (LANE_WIDTH_M / 2 + 0.45) * direction(heading - np.pi / 2)
        props.append(Prop("sign", float(x), float(y), float(wrap(heading + np.pi)), 2.3, face))

    for lane in traffic.lanes:
        if lane.control == "yield" and lane.stop_s is not None:
            put(lane.id, lane.stop_s, "give_way")
        if lane.road >= 0:
            put(lane.id, 6.5, "speed_limit" if rng.random() < 0.5 else "street")
            bend = np.abs(lane.curve.curvature)
            tight = np.flatnonzero(bend > 1 / 45)
            if len(tight) and tight[0] * lane.curve.step > 45:
                left = lane.curve.curvature[tight[0]] > 0
                put(lane.id, tight[0] * lane.curve.step - 25, "bend_left" if left else "bend_right")
    for crossing in traffic.crossings:
        if not crossing.lights:
            for crossed, s in crossing.lanes:
                if s > STOP_LINE_M:
                    put(crossed, s - 2.2, "crossing")
    return props


def _park(spots: tuple[ParkingSpot, ...], rng: np.random.Generator) -> tuple[list[ParkedCar], list[Prop]]:
    """Cars in the bays; cones round a spot here and there."""
    cars, cones = [], []
    for spot in spots:
        chance = rng.random()
        if chance < 0.55:
            ahead, aside = rng.normal(0, 0.25), np.clip(rng.normal(-0.16, 0.05), -0.25, -0.08)
            x, y = (
                np.array([spot.x, spot.y])
                + ahead * direction(spot.heading)
                + aside * direction(spot.heading + np.pi / 2)
            )
            model = str(rng.choice(CAR_MODELS, p=(0.3, 0.25, 0.15, 0.2, 0.1)))
            heading = float(wrap(spot.heading + rng.normal(0, 0.02)))
            cars.append(ParkedCar(float(x), float(y), heading, model, str(rng.choice(CAR_COLOURS))))
        elif chance < 0.63:
            side = direction(spot.heading - np.pi / 2)
            for k in range(4):
                x, y = (
                    np.array([spot.x, spot.y])
                    + direction(spot.heading) * (k * 1.7 - 2.5)
                    - side * (0.72 - 0.1 * rng.random())
                )
                cones.append(Prop("cone", float(x), float(y), float(rng.uniform(-3, 3))))
    return cars, cones
