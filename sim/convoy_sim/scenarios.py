"""Crossing and cut-in scenarios: somebody gets in the way, late but not too late to stop.

What happens is triggered by the ego car's own distance and speed, so that every policy gets the same chance: it can
avoid the collision by braking with `DECELERATION` after `REACTION_S`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from convoy_sim.driver import ACCELERATION, Agent
from convoy_sim.errors import SimulationError
from convoy_sim.kerbs import BAY_DEPTH_M, BAY_LENGTH_M, ParkingSpot
from convoy_sim.lanes import STOP_LINE_M
from convoy_sim.look.people import OUTFITS
from convoy_sim.metrics import Metrics
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.pedestrians import Person
from convoy_sim.route import Route, tour
from convoy_sim.scenery import CAR_COLOURS, CAR_SIZES_M
from convoy_sim.seeds import town_seeds
from convoy_sim.traffic import TAIL_PART, Car, Density
from convoy_sim.vehicle import VehicleModel
from convoy_sim.world import STEP_S, World

KINDS = ("step_out", "pull_out", "zebra", "turn_across")
SECONDS = 30.0
REACTION_S, DECELERATION = 0.6, 4.0
RUN_UP_M = 75.0
"""From the start to where it happens."""
BEYOND_M = 30.0
"""From where it happens to where it is over."""
_SPARE_M = (2.0, 6.0)
_KERB_M = LANE_WIDTH_M + 0.5
_MERGE_M = 9.0
_DRIVES_MPS = 1.0
"""Nobody gets in the way of a car that stands."""
_SLOWEST_WALK = 0.7
_CLEAR_OF_ZEBRA_M = 12.0
_CAR_M = 4.4
_BEFORE_LINE_M = 1.0
_PULL_ACCELERATION = 2.0

Policy = Callable[[], tuple[float, float]]
"""Gives the command (steering angle in rad, speed in m/s) for the present."""


class Script(Protocol):
    """Somebody who gets in the way."""

    def act(self, world: World, danger: float) -> None:
        """Do what is to be done in the next step; `danger` is how far the ego car's nose is from where it happens."""


@dataclass(frozen=True)
class Scenario:
    """One situation; the same number is always the same.

    Attributes:
        number: counts from 0. kind: one of `KINDS`.
        towns: seeds of the towns it may be in: the first that has a place for it.
    """

    number: int
    kind: str
    towns: tuple[int, ...]

    def begin(self, weather: str = "clear", model: VehicleModel | None = None) -> Staged:
        """Set the scene, for a car of this model.

        Raises:
            SimulationError: none of the towns has a place for it, or there is no such weather.
        """
        stage = {"step_out": _step_out, "pull_out": _pull_out, "zebra": _zebra, "turn_across": _turn_across}[self.kind]
        for town in self.towns:
            world = World(town, Density(cars=0, people=12), weather, model, self.number)
            if staged := stage(world, np.random.default_rng((town, self.number, 9))):
                return staged
        raise SimulationError(f"No place for a {self.kind} in any of these towns: {', '.join(map(str, self.towns))}.")


@dataclass
class Staged:
    """A scenario that is about to begin.

    Attributes:
        world: where. script: who acts. place: the arc length of the route where it happens.
        beyond: it is over when the ego car is so far behind that, m.
    """

    world: World
    script: Script
    place: float
    beyond: float = BEYOND_M

    @property
    def over(self) -> bool:
        """Whether the ego car has passed the place, or time is up."""
        return self.world.time_s >= SECONDS or self.world.agent.rear >= self.place + self.beyond

    def act(self) -> None:
        """Let happen what is to happen in the world's next step."""
        self.script.act(self.world, self.place - self.world.agent.nose)

    def play(self, policy: Policy) -> Metrics:
        """Drive with a policy, until it is over; at the latest after `SECONDS`, or a collision."""
        while not self.over:
            self.act()
            if any(event.kind == "collision" for event in self.world.step(*policy())):
                break
        return self.world.metrics


def suite(count: int = 50, towns: str = "test") -> list[Scenario]:
    """Scenarios of all kinds in turn, each in another town as far as there are enough.

    Raises:
        SimulationError: `towns` names none.
    """
    seeds = town_seeds(towns)
    return [
        Scenario(n, KINDS[n % len(KINDS)], tuple(seeds[(n + k) % len(seeds)] for k in range(len(seeds))))
        for n in range(count)
    ]


class StepsOut:
    """Somebody who crosses the road, looking neither left nor right, to meet the ego car on the middle of its lane."""

    def __init__(self, person: Person, goal: tuple[float, float], unseen_m: float, meet_m: float, spare: float) -> None:
        """How far they walk to the ego car's lane (`unseen_m`) and to where they meet it (`meet_m`)."""
        self._person, self._goal = person, goal
        self._unseen_m, self._meet_m, self._spare = unseen_m, meet_m, spare
        self._gone = False
        person.stand()

    def act(self, world: World, danger: float) -> None:
        person, speed = self._person, world.state.speed
        if not person.on_road and not self._gone and speed > _DRIVES_MPS:
            late = stopping_distance(speed) + speed * self._unseen_m / person.pace + self._spare
            if danger < max(late, speed * self._meet_m / person.pace):
                person.on_road = True
                person.pace = max(self._meet_m * speed / max(danger, 1.0), _SLOWEST_WALK)
        if person.on_road and person.go(*self._goal, STEP_S):
            person.on_road, self._gone = False, True
            person.stand()


class PullsOut:
    """A car that leaves its parking spot."""

    def __init__(self, car: Car, spare: float, speed: float) -> None:
        self._car, self._spare, self._speed = car, spare, speed
        self._aside, self._from = car.aside, car.agent.s
        car.takes_part = False

    def act(self, world: World, danger: float) -> None:
        car, agent = self._car, self._car.agent
        if not car.takes_part and danger < stopping_distance(world.state.speed) + self._spare:
            car.takes_part = world.state.speed > _DRIVES_MPS
        if not car.takes_part:
            return
        part = min((agent.s - self._from) / _MERGE_M, 1.0)
        car.aside = self._aside * (1 - part * part * (3 - 2 * part))
        car.slant = math.atan(-self._aside / _MERGE_M * 6 * part * (1 - part))
        if part < 1.0:
            agent.plan.acceleration = _PULL_ACCELERATION if agent.speed < self._speed else 0.0


class TurnsAcross:
    """An oncoming car that turns left without letting the ego car go first."""

    def __init__(self, car: Car, way: float, spare_s: float) -> None:
        """`way`: from its nose to the ego car's way."""
        self._car = car
        self._arrives_s = math.sqrt(2 * way / ACCELERATION) + spare_s
        car.takes_part = False

    def act(self, world: World, danger: float) -> None:
        speed = world.state.speed
        if self._car.takes_part or speed < _DRIVES_MPS:
            return
        if danger < max(speed * self._arrives_s, stopping_distance(speed) + _SPARE_M[0]):
            self._car.takes_part = True
            world.traffic.let_through(self._car.agent)


def stopping_distance(speed: float) -> float:
    """What a driver needs who reacts after `REACTION_S` and brakes with `DECELERATION`."""
    return speed * REACTION_S + speed * speed / (2 * DECELERATION)


def _approach(world: World, rng: np.random.Generator, lanes: list[int], s: float) -> float:
    """Put the ego car on its way to arc length `s` of the last of some lanes; that as an arc length of its route."""
    route = tour(world.roads, rng, lanes)
    place = route.starts[len(lanes) - 1] + s
    world.reset(world.drive, route, max(place - RUN_UP_M, 2.0))
    return place


def _step_out(world: World, rng: np.random.Generator) -> Staged | None:
    places = [
        (lane.id, float(s))
        for lane in world.town.lanes
        if lane.road >= 0
        for s in np.arange(RUN_UP_M + 5, lane.curve.length - 45, 5.0)
        if all(abs((zebra.near + zebra.far) / 2 - s) > _CLEAR_OF_ZEBRA_M for zebra in world.roads.zebras[lane.id])
    ]
    return _walk_over(world, rng, places)


def _zebra(world: World, rng: np.random.Generator) -> Staged | None:
    free = [crossing for crossing in world.town.crossings if not crossing.lights]
    return _walk_over(world, rng, [(lane, s) for crossing in free for lane, s in crossing.lanes if s > RUN_UP_M])


def _walk_over(world: World, rng: np.random.Generator, places: list[tuple[int, float]]) -> Staged | None:
    """Somebody walks over a road at one of some places (lane, arc length), from either side of the ego car's lane."""
    if not places:
        return None
    lane, s = places[int(rng.integers(len(places)))]
    place = _approach(world, rng, [lane], s)
    x, y, heading = world.roads.pose(lane, s)
    left = np.array([-math.sin(heading), math.cos(heading)])
    # Seen from the ego car's lane, the kerb on the right is half a lane away, the one on the left one and a half.
    right_kerb, left_kerb = LANE_WIDTH_M / 2 - _KERB_M, LANE_WIDTH_M / 2 + _KERB_M
    from_right = bool(rng.random() < 0.6)
    begin, end = (right_kerb, left_kerb + 1.0) if from_right else (left_kerb, right_kerb - 1.0)
    start, goal = np.array([x, y]) + begin * left, np.array([x, y]) + end * left
    facing = heading + (math.pi / 2 if from_right else -math.pi / 2)
    pace, outfit = float(rng.uniform(1.3, 2.2)), int(rng.integers(OUTFITS))
    person = Person(float(start[0]), float(start[1]), facing, pace, outfit)
    world.traffic.people.append(person)
    unseen = 0.0 if from_right else abs(begin) - LANE_WIDTH_M / 2
    meet, spare = abs(begin) + float(rng.uniform(-0.5, 0.5)), float(rng.uniform(*_SPARE_M))
    return Staged(world, StepsOut(person, (float(goal[0]), float(goal[1])), unseen, meet, spare), place)


def _pull_out(world: World, rng: np.random.Generator) -> Staged | None:
    spots = [spot for spot in world.town.spots if _can_leave(world, spot)]
    if not spots:
        return None
    spot = spots[int(rng.integers(len(spots)))]
    s, _ = world.town.lanes[spot.lane].curve.project(spot.x, spot.y)
    # The ego car hits it, if it does, where it gets onto the lane.
    place = _approach(world, rng, [spot.lane], s - _CAR_M / 2)
    car = _another_car(world, rng, [spot.lane], s + _CAR_M / 2, pace=0.7)
    car.aside = -(LANE_WIDTH_M + BAY_DEPTH_M) / 2
    car.place()
    return Staged(world, PullsOut(car, float(rng.uniform(*_SPARE_M)), float(rng.uniform(3.0, 6.0))), place)


def _can_leave(world: World, spot: ParkingSpot) -> bool:
    """Whether a spot is free, as is the next one, and far along a road."""
    curve = world.town.lanes[spot.lane].curve
    s, _ = curve.project(spot.x, spot.y)
    if not RUN_UP_M < s < curve.length - 40:
        return False
    here = np.array([spot.x, spot.y])
    ahead = np.array([math.cos(spot.heading), math.sin(spot.heading)])
    things = world.town.obstacles[:, :2]
    return all(np.hypot(*(things - here - far * ahead).T).min() > 3.2 for far in (0.0, BAY_LENGTH_M / 2, BAY_LENGTH_M))


def _turn_across(world: World, rng: np.random.Generator) -> Staged | None:
    lanes, conflicts = world.town.lanes, world.conflicts
    places = [
        (mine, theirs)
        for junction in world.town.junctions
        if not junction.lit
        for mine in junction.connecting
        for theirs in conflicts.clear[mine]
        if mine in conflicts.yields[theirs]
        and lanes[mine].turn == "straight"
        and lanes[theirs].turn == "left"
        and lanes[lanes[theirs].predecessors[0]].control == "none"
    ]
    if not places:
        return None
    mine, theirs = places[int(rng.integers(len(places)))]
    place = _approach(world, rng, [lanes[mine].predecessors[0], mine], conflicts.enter[mine][theirs])
    come = lanes[theirs].predecessors[0]
    car = _another_car(world, rng, [come, theirs], world.roads.line[come] - _BEFORE_LINE_M, pace=0.9)
    way = _BEFORE_LINE_M + STOP_LINE_M + conflicts.enter[theirs][mine]
    return Staged(world, TurnsAcross(car, way, float(rng.uniform(-0.2, 0.6))), place)


def _another_car(world: World, rng: np.random.Generator, lanes: list[int], nose: float, pace: float) -> Car:
    """A car that stands with its nose at an arc length of the first of some lanes, and will go on along them."""
    model = ("hatchback", "sedan", "estate", "suv")[int(rng.integers(4))]
    length, width, _ = CAR_SIZES_M[model]
    tail = TAIL_PART * length
    route = Route(world.roads, lanes, np.random.default_rng(int(rng.integers(2**31))))
    agent = Agent(1, route, nose - (length - tail), length, width, tail, pace)
    car = Car(agent, model, CAR_COLOURS[int(rng.integers(len(CAR_COLOURS)))])
    world.traffic.cars.append(car)
    return car
