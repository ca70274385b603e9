"""The traffic of a town: cars that keep their lane, people who walk and cross, and the ego car among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convoy_sim.conflicts import Conflicts
from convoy_sim.curve import Floats
from convoy_sim.driver import Agent, Driver, Occupancy, Occupant, Zebras
from convoy_sim.errors import SimulationError
from convoy_sim.junctions import Junctions
from convoy_sim.lanes import STOP_LINE_M
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.outlines import outline
from convoy_sim.pedestrians import PERSON_RADIUS_M, Crowd, Paths, Person
from convoy_sim.roads import Roads
from convoy_sim.route import tour
from convoy_sim.scenery import CAR_COLOURS, CAR_MODELS, CAR_SIZES_M

TAIL_PART = 0.19
"""Of a car's length, from the rear axle to the rear bumper."""
MOST_CARS, MOST_PEOPLE = 60, 200
_START_SPEED = 5.0
_START_GAP_M = 16.0
_STRAY_FORESIGHT_S = (0.0, 0.6, 1.2)


@dataclass(frozen=True)
class Density:
    """How much traffic there is in a town.

    Raises:
        SimulationError: out of range.
    """

    cars: int = 15
    people: int = 20

    def __post_init__(self) -> None:
        for name, value, most in (("cars", self.cars, MOST_CARS), ("people", self.people, MOST_PEOPLE)):
            if not 0 <= value <= most:
                raise SimulationError(f"Traffic can have 0 to {most} {name}; found {value}.")


class Car:
    """A car of the traffic.

    Attributes:
        agent: how it drives.
        model, colour: see `convoy_sim.scenery`.
        x, y, heading: of the middle of its outline, m and rad.
        aside: how far left of its route it is, m. slant: its heading minus the route's, rad.
        takes_part: whether it drives and others see it coming; else it stands wherever it is.
        braking: whether its brake lights are on.
    """

    def __init__(self, agent: Agent, model: str, colour: str) -> None:
        self.agent, self.model, self.colour = agent, model, colour
        self.x = self.y = self.heading = 0.0
        self.aside = self.slant = 0.0
        self.takes_part = True
        self.braking = False
        self.place()

    def place(self) -> None:
        """Put the outline where the agent is."""
        agent = self.agent
        x, y, along = agent.route.pose(agent.s)
        self.heading = along + self.slant
        ahead = agent.length / 2 - agent.tail
        self.x = x - self.aside * math.sin(along) + ahead * math.cos(self.heading)
        self.y = y + self.aside * math.cos(along) + ahead * math.sin(self.heading)
        self.braking = agent.plan.acceleration < -0.6 or agent.speed < 0.1


@dataclass
class Stray:
    """Something that is not on a lane of its own: a rectangle that moves straight on; whose it is as in `Occupant`."""

    x: float
    y: float
    heading: float
    length: float
    width: float
    speed: float
    agent: int = -1


class Traffic:
    """Everybody on the roads.

    Attributes:
        cars, people: all cars and persons, in a fixed order.
        ego: the ego car's agent; its `s` and `speed` are set from outside.
    """

    def __init__(
        self, roads: Roads, conflicts: Conflicts, density: Density, ego: Agent, rng: np.random.Generator
    ) -> None:
        self._roads = roads
        self._driver = Driver(roads, conflicts.shared)
        self._junctions = Junctions(roads, conflicts)
        self._crowd = Crowd(Paths(roads), density.people, rng)
        self._zebras = Zebras()
        self.ego = ego
        self.cars = self._spread(density.cars, rng)
        self.people: list[Person] = list(self._crowd.walkers)

    def plan(self, time_s: float, seconds: float, strays: Sequence[Stray] = ()) -> None:
        """Decide for everybody what to do next, from how things are now; `seconds` have passed since the last time."""
        agents = [self.ego, *(car.agent for car in self.cars if car.takes_part)]
        occupancy: Occupancy = {}
        for agent in agents:
            k = agent.route.index(agent.s)
            start = agent.route.starts[k]
            occupancy.setdefault(agent.route.lanes[k], []).append(
                Occupant(agent.rear - start, agent.nose - start, agent.speed, agent.id)
            )
        for stray in (*strays, *(_stray(person) for person in self.people if person.on_road)):
            self._occupy(occupancy, stray)
        self._zebras = zebras = Zebras()
        self._crowd.claim(zebras)
        lines = self._junctions.settle(agents, occupancy, zebras, time_s, seconds)
        for agent, line in zip(agents, lines, strict=True):
            agent.plan = self._driver.plan(agent, occupancy, zebras, line)

    def move(self, time_s: float, seconds: float) -> None:
        """Let everybody but the ego car go on as planned."""
        for car in self.cars:
            agent = car.agent
            speed = max(0.0, agent.speed + agent.plan.acceleration * seconds)
            agent.s += (agent.speed + speed) / 2 * seconds
            agent.speed = speed
            car.place()
        self._crowd.move(self._zebras, time_s, seconds)

    def relocate(self, agent: Agent) -> None:
        """Take note that an agent has been put elsewhere."""
        self._junctions.relocate(agent)

    def let_through(self, agent: Agent) -> None:
        """Let an agent pass the next junction whatever the rules say; others stop for it where they can."""
        self._junctions.force(agent)

    def in_the_way(self, agent: Agent, nose: float) -> bool:
        """Whether an agent with its nose at an arc length of its route would stand where others have to pass."""
        k = agent.route.index(nose + STOP_LINE_M)
        lane = agent.route.lanes[k]
        return self._roads.town.lanes[lane].road < 0 and self._junctions.contested(agent, lane)

    def outlines(self) -> Floats:
        """(cars, 5) x, y, heading, length, width of all cars."""
        return np.array([(c.x, c.y, c.heading, c.agent.length, c.agent.width) for c in self.cars]).reshape(-1, 5)

    def _occupy(self, occupancy: Occupancy, stray: Stray) -> None:
        c, s = math.cos(stray.heading), math.sin(stray.heading)
        ways = [stray.speed * seconds for seconds in _STRAY_FORESIGHT_S]
        shape = (stray.heading, stray.length, stray.width)
        points = np.concatenate([outline(stray.x + c * way, stray.y + s * way, *shape) for way in ways])
        for lane, first, last in self._roads.near(points, LANE_WIDTH_M / 2 - 0.5):
            _, _, along = self._roads.pose(lane, first)
            speed = stray.speed * math.cos(stray.heading - along)
            occupancy.setdefault(lane, []).append(Occupant(first, last, speed, stray.agent))

    def _spread(self, count: int, rng: np.random.Generator) -> list[Car]:
        """Cars on road lanes, with room between them and before the lines."""
        on_road = [lane.id for lane in self._roads.town.lanes if lane.road >= 0]
        weights = np.array([self._roads.length[lane] for lane in on_road])
        ego = self.ego
        taken = [(ego.route.lanes[ego.route.index(ego.s)], ego.s - ego.route.starts[ego.route.index(ego.s)])]
        cars: list[Car] = []
        for _ in range(count * 20):
            if len(cars) == count:
                break
            lane = on_road[int(rng.choice(len(on_road), p=weights / weights.sum()))]
            s = float(rng.uniform(4.0, self._roads.line[lane] - 16.0))
            if any(other == lane and abs(at - s) < _START_GAP_M for other, at in taken):
                continue
            taken.append((lane, s))
            model = CAR_MODELS[int(rng.integers(len(CAR_MODELS)))]
            length, width, _ = CAR_SIZES_M[model]
            pace = float(rng.uniform(0.85, 1.05))
            route = tour(self._roads, np.random.default_rng(int(rng.integers(2**63))), [lane])
            agent = Agent(len(cars) + 1, route, s, length, width, TAIL_PART * length, pace)
            agent.speed = min(_START_SPEED, route.speed(s))
            cars.append(Car(agent, model, str(rng.choice(CAR_COLOURS))))
        return cars


def _stray(person: Person) -> Stray:
    return Stray(person.x, person.y, person.heading, 2 * PERSON_RADIUS_M, 2 * PERSON_RADIUS_M, person.speed)
