"""People on foot: they walk along the footways, and cross where there are crossings."""

from __future__ import annotations

import math

import numpy as np

from convoy_sim.driver import Zebras
from convoy_sim.kerbs import FOOTWAY_WIDTH_M
from convoy_sim.lanes import RED, Crossing
from convoy_sim.look.people import OUTFITS
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.roads import Roads

PERSON_RADIUS_M = 0.3
_HALF_WAY_M = LANE_WIDTH_M + FOOTWAY_WIDTH_M / 2
"""From a crossing's middle to the middle of a footway."""
_WAIT_AT_M = LANE_WIDTH_M + 0.5
_LOOK_S = 0.8
_TRUSTED_DECELERATION = 2.5
_CROSS_CHANCE = 0.45


class Person:
    """Somebody on foot.

    Attributes:
        x, y, heading: where, m and rad.
        speed: m/s, 0 while standing.
        walked: metres so far, for the stride.
        outfit: one of `convoy_sim.look.people.OUTFITS`.
        on_road: whether on the carriageway where cars can't expect it.
    """

    def __init__(self, x: float, y: float, heading: float, pace: float, outfit: int) -> None:
        self.x, self.y, self.heading = x, y, heading
        self.pace = pace
        self.outfit = outfit
        self.speed = 0.0
        self.walked = 0.0
        self.on_road = False

    def go(self, x: float, y: float, seconds: float) -> bool:
        """Walk straight towards a point; whether it is reached."""
        dx, dy = x - self.x, y - self.y
        far, step = math.hypot(dx, dy), self.pace * seconds
        if far > 1e-6:
            self.heading = math.atan2(dy, dx)
        self.speed = self.pace
        self.walked += min(far, step)
        share = min(step / far, 1.0) if far > 1e-6 else 1.0
        self.x += dx * share
        self.y += dy * share
        return far <= step

    def stand(self) -> None:
        self.speed = 0.0


class Walker(Person):
    """A person who walks round a footway, and crosses to another now and then.

    Attributes:
        footway, s: where on which footway. way: +1 along it, -1 against it.
        crossing: (crossing, side where the walk over it begins: +1 left of its road, -1 right), except when strolling.
        stage: "stroll", or at a crossing "approach", "wait", "cross".
    """

    def __init__(self, paths: Paths, footway: int, s: float, rng: np.random.Generator) -> None:
        self.footway, self.s = footway, s
        self.turn(rng)
        self.crossing: tuple[int, int] = (-1, 0)
        self.stage = "stroll"
        self.waited_s = 0.0
        x, y, heading = paths.pose(footway, s, self.aside, self.way)
        super().__init__(x, y, heading, float(rng.uniform(1.05, 1.6)), int(rng.integers(OUTFITS)))

    def turn(self, rng: np.random.Generator) -> None:
        """Choose which way to walk. Who meets somebody passes on the right; lamps stand on the left, by the kerb."""
        self.way = 1 if rng.random() < 0.5 else -1
        self.aside = float(rng.uniform(-0.85, -0.25) if self.way > 0 else rng.uniform(-0.05, 0.4))

    def offset(self, crossing: Crossing) -> float:
        """Distance from a crossing's road's centre line, positive on the left."""
        c, s = math.cos(crossing.heading), math.sin(crossing.heading)
        return (self.y - float(crossing.xy[1])) * c - (self.x - float(crossing.xy[0])) * s


class Paths:
    """The footways and crossings of a town, for walkers."""

    def __init__(self, roads: Roads) -> None:
        town = roads.town
        self.crossings = town.crossings
        self.lights = town.lights
        self._walks = [footway.walk for footway in town.footways]
        self._x = [walk.xy[:, 0].tolist() for walk in self._walks]
        self._y = [walk.xy[:, 1].tolist() for walk in self._walks]
        self._heading = [walk.heading.tolist() for walk in self._walks]
        self.length = [walk.length for walk in self._walks]
        self.begin: dict[int, list[tuple[int, float]]] = {footway.id: [] for footway in town.footways}
        self.ends: dict[tuple[int, int], tuple[int, float]] = {}
        self.side: dict[tuple[int, float], tuple[int, int]] = {}
        for footway in town.footways:
            for crossing, s in footway.crossings:
                x, y, _ = self.pose(footway.id, s, 0.0, 1)
                at = town.crossings[crossing]
                left = (y - at.xy[1]) * math.cos(at.heading) - (x - at.xy[0]) * math.sin(at.heading) > 0
                self.begin[footway.id].append((crossing, s))
                self.ends[crossing, 1 if left else -1] = (footway.id, s)
                self.side[footway.id, s] = (crossing, 1 if left else -1)

    def pose(self, footway: int, s: float, aside: float, way: int) -> tuple[float, float, float]:
        """x, y and heading on a footway, `aside` metres left of its middle as it runs."""
        x, y, heading = self._x[footway], self._y[footway], self._heading[footway]
        u = s % self.length[footway] / self._walks[footway].step
        i = min(int(u), len(x) - 2)
        w = u - i
        h = heading[i] + (heading[i + 1] - heading[i]) * w
        px, py = x[i] + (x[i + 1] - x[i]) * w, y[i] + (y[i + 1] - y[i]) * w
        return px - aside * math.sin(h), py + aside * math.cos(h), h if way > 0 else h + math.pi

    def across(self, crossing: int, offset: float) -> tuple[float, float]:
        """A point on a crossing's middle, `offset` metres left of its road's centre line."""
        at = self.crossings[crossing]
        return (
            float(at.xy[0]) - offset * math.sin(at.heading),
            float(at.xy[1]) + offset * math.cos(at.heading),
        )


class Crowd:
    """The walkers of a town."""

    def __init__(self, paths: Paths, count: int, rng: np.random.Generator) -> None:
        self._paths = paths
        self._rng = rng
        self.walkers: list[Walker] = []
        lengths = np.array(paths.length)
        for _ in range(count):
            footway = int(rng.choice(len(lengths), p=lengths / lengths.sum()))
            self.walkers.append(Walker(paths, footway, float(rng.uniform(0, lengths[footway])), rng))

    def claim(self, zebras: Zebras) -> None:
        """Say which crossings are taken and wanted."""
        for walker in self.walkers:
            if walker.stage not in ("wait", "cross"):
                continue
            crossing = self._paths.crossings[walker.crossing[0]]
            if walker.stage == "wait":
                if not crossing.lights:
                    zebras.wanted.add(crossing.id)
                continue
            side, offset = walker.crossing[1], walker.offset(crossing)
            # Traffic keeps to the right: lane 2r lies right of road r's centre line, lane 2r + 1 left of it.
            for lane, _ in crossing.lanes:
                middle = LANE_WIDTH_M / 2 * (-1 if lane % 2 == 0 else 1)
                # Still to come to this lane, or on it.
                if (offset - middle) * side > -LANE_WIDTH_M / 2 - 0.2:
                    zebras.taken.add((crossing.id, lane))

    def move(self, zebras: Zebras, time_s: float, seconds: float) -> None:
        """Let everybody walk on."""
        for walker in self.walkers:
            if walker.stage == "stroll":
                self._stroll(walker, seconds)
            else:
                self._cross(walker, zebras, time_s, seconds)

    def _stroll(self, walker: Walker, seconds: float) -> None:
        paths = self._paths
        before = walker.s
        walker.s += walker.way * walker.pace * seconds
        low, high = min(before, walker.s), max(before, walker.s)
        for _, s in paths.begin[walker.footway]:
            if low < s <= high and self._rng.random() < _CROSS_CHANCE:
                walker.s = s
                walker.crossing, walker.stage = paths.side[walker.footway, s], "approach"
                return
        walker.s %= paths.length[walker.footway]
        x, y, heading = paths.pose(walker.footway, walker.s, walker.aside, walker.way)
        if math.hypot(x - walker.x, y - walker.y) > 2.5 * walker.pace * seconds:
            walker.go(x, y, seconds * 1.3)
            return
        walker.walked += walker.pace * seconds
        walker.x, walker.y, walker.heading, walker.speed = x, y, heading, walker.pace

    def _cross(self, walker: Walker, zebras: Zebras, time_s: float, seconds: float) -> None:
        crossing, side = walker.crossing
        if walker.stage == "approach":
            if walker.go(*self._paths.across(crossing, side * _WAIT_AT_M), seconds):
                walker.stage, walker.waited_s = "wait", 0.0
        elif walker.stage == "wait":
            walker.stand()
            walker.waited_s += seconds
            if walker.waited_s > _LOOK_S and self._may_go(walker, crossing, zebras, time_s):
                walker.stage = "cross"
        elif walker.go(*self._paths.across(crossing, -side * _HALF_WAY_M), seconds):
            walker.footway, walker.s = self._paths.ends[crossing, -side]
            walker.stage = "stroll"
            walker.turn(self._rng)

    def _may_go(self, walker: Walker, crossing: int, zebras: Zebras, time_s: float) -> bool:
        """Whether lights and cars leave time to cross."""
        needed = 2 * _WAIT_AT_M / walker.pace + 0.5
        for light in (self._paths.lights[at] for at in self._paths.crossings[crossing].lights):
            left = (light.green_from_s - time_s) % light.cycle_s
            if light.state(time_s) != RED or left < needed:
                return False
        for near, past, speed in zebras.coming.get(crossing, ()):
            if past < 0.0 or (near > 0.0 and speed < 0.5):
                continue
            if near <= 0.0 or near < 1.0 + speed * 0.6 + speed * speed / (2 * _TRUSTED_DECELERATION):
                return False
        return True
