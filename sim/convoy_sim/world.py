"""A world to drive in: a town, the ego car, the traffic round it, its route, and a clock of 20 Hz."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from convoy_sim.conflicts import Conflicts, find_conflicts
from convoy_sim.curve import wrap
from convoy_sim.driver import Agent
from convoy_sim.errors import SimulationError
from convoy_sim.junctions import OVERRUN_M
from convoy_sim.lanes import RED, STOP_LINE_M
from convoy_sim.look.weather import draw_weather
from convoy_sim.metrics import INTERVENTIONS, Metrics
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.outlines import hits, hits_disc, outline
from convoy_sim.pedestrians import PERSON_RADIUS_M
from convoy_sim.roads import Roads
from convoy_sim.route import Route, tour
from convoy_sim.town import Town
from convoy_sim.traffic import Density, Stray, Traffic
from convoy_sim.vehicle import Vehicle, VehicleModel

STEP_S = 0.05
"""Commands and states come at 20 Hz."""
WET_GRIP = 0.65
"""Of a wet road, as a part of a dry one's."""
STALL_S = 5.0
_ACTUATOR_LAG_S = 0.25
_STANDING_MPS = 0.3
_WOULD_GO = 0.3
"""m/s^2: a driver who wants to speed up more than this has no cause to stand."""
_QUEUE_M = 12.0
"""Whoever stands this near to a line or to a car that stands has a cause."""
_TAKEN_OVER_MPS = 5.0
_CLEAR_AHEAD_M = 3.0
_OVER_KERB_M = -0.3
_START_CLEAR_M = 30.0
_STRAY_ASIDE_M, _STRAY_HEADING = 0.6, 0.25
"""Beyond these the car is no longer where its agent says, on the middle of its lane."""


@dataclass(frozen=True)
class Event:
    """Something that went wrong.

    Attributes:
        kind: "lane" (left by more than half the car's width), "collision" or "stall" (no cause to stand for
            `STALL_S`), which are interventions; "red_light" (passed, by more than is made good by stopping there) or
            "off_road" (a corner of the car beyond the kerb).
        time_s: when.
        what: for a collision: "car", "person" or "thing".
    """

    kind: str
    time_s: float
    what: str = ""

    @property
    def intervention(self) -> bool:
        return self.kind in INTERVENTIONS


@dataclass(frozen=True)
class State:
    """The ego car at an instant; its pose is that of the rear axle's middle (base_link). SI units.

    Attributes:
        time_s: since the start of the drive.
        x, y, heading: in the map.
        speed, yaw_rate, steering_angle: as driven; forwards and left positive.
        s: arc length of the route. lateral: distance from the route, positive on the left.
        heading_error: heading minus the route's. curvature: of the route.
        instruction: one of `convoy_sim.route.INSTRUCTIONS`.
    """

    time_s: float
    x: float
    y: float
    heading: float
    speed: float
    yaw_rate: float
    steering_angle: float
    s: float
    lateral: float
    heading_error: float
    curvature: float
    instruction: str


class World:
    """One town to be driven in, again and again; everything comes from the town's seed and the drive's number.

    Attributes:
        town, roads, conflicts: where. drive: the number of the drive.
        weather: see `convoy_sim.look.weather`; the same that `Scene(town, name, seed=drive)` shows.
        vehicle, agent, route: the ego car, what others and the rules see of it, and where it is told to go.
        traffic: everybody else.
        may_stand: standing without cause is no stall: a person may have stopped the car.
        state, events, metrics: the present, the events of the last step, the drive so far.
    """

    def __init__(
        self,
        seed: int,
        density: Density | None = None,
        weather: str = "clear",
        model: VehicleModel | None = None,
        drive: int = 0,
    ) -> None:
        """Ready to drive, as after `reset(drive)`.

        Raises:
            SimulationError: the seed makes no town, or there is no weather of this name.
        """
        self.roads, self.conflicts = _town(seed)
        self.town: Town = self.roads.town
        self._density = density or Density()
        self._weather_name = weather
        self.vehicle = Vehicle(model)
        self.may_stand = False
        self.reset(drive)

    def reset(self, drive: int = 0, route: Route | None = None, s: float | None = None) -> State:
        """Begin a drive, standing: on a tour from anywhere, or on `route` at arc length `s`."""
        self.drive = drive
        where, traffic = (np.random.default_rng((self.town.seed, drive, k)) for k in range(2))
        self.weather = draw_weather(self._weather_name, np.random.default_rng((self.town.seed, 4, drive)))
        self.grip = WET_GRIP if self.weather.wet else 1.0
        self.route = route or tour(self.roads, where)
        if s is None:
            s = float(where.uniform(5.0, max(self.roads.line[self.route.lanes[0]] - _START_CLEAR_M, 6.0)))
        model = self.vehicle.model
        self.agent = Agent(0, self.route, s, model.length, model.width, model.rear_overhang, 1.0, _ACTUATOR_LAG_S)
        self.vehicle.place(*self.route.pose(s))
        self.traffic = Traffic(self.roads, self.conflicts, self._density, self.agent, traffic)
        self.time_s = 0.0
        self._ticks = 0
        self._stood_s = 0.0
        self._over_kerb = False
        self._red_line = math.inf
        self.events: tuple[Event, ...] = ()
        self.metrics = Metrics()
        self._look(0.0)
        return self.state

    def step(self, steering_angle: float, speed: float) -> tuple[Event, ...]:
        """Drive on for `STEP_S` under a command (rad, left positive; m/s).

        After an event that is an intervention, the next step first puts the car back on the middle of its lane, where
        that is free: rolling, but standing after a collision.

        Raises:
            SimulationError: the command is not finite.
        """
        check_command(steering_angle, speed)
        for event in self.events:
            if event.intervention:
                self._put_back(event)
        nose = self.agent.nose
        self.vehicle.step(steering_angle, speed, STEP_S, self.grip)
        self.traffic.move(self.time_s, STEP_S)
        self._ticks += 1
        self.time_s = self._ticks * STEP_S
        self._look(STEP_S)
        self.events = tuple(self._judge(nose))
        self.metrics.elapsed_s = self.time_s
        self.metrics.metres += abs(self.state.speed) * STEP_S
        self.metrics.lateral_sum += abs(self.state.lateral) * STEP_S
        self.metrics.events.update(event.kind for event in self.events)
        return self.events

    def box(self) -> tuple[float, float, float, float, float]:
        """The ego car's outline: x, y, heading, length, width."""
        model = self.vehicle.model
        return (*self.vehicle.centre, self.vehicle.state.heading, model.length, model.width)

    def _look(self, seconds: float) -> None:
        """Bring what is known of the ego car up to date, and let everybody plan."""
        car, agent, route = self.vehicle.state, self.agent, self.route
        s, lateral = route.project(car.x, car.y, agent.s + car.speed * seconds)
        _, _, along = route.pose(s)
        error = math.remainder(car.heading - along, 2 * math.pi)
        agent.s, agent.speed = s, max(car.speed, 0.0)
        strayed = abs(lateral) > _STRAY_ASIDE_M or abs(error) > _STRAY_HEADING
        self.traffic.plan(self.time_s, seconds, [Stray(*self.box(), car.speed, agent.id)] if strayed else ())
        self.state = State(
            self.time_s,
            car.x,
            car.y,
            car.heading,
            car.speed,
            car.yaw_rate,
            car.steering_angle,
            s,
            lateral,
            error,
            route.curvature(s),
            route.instruction(agent.nose),
        )

    def _judge(self, nose_before: float) -> list[Event]:
        """What went wrong in the last step; one intervention at most."""
        events = []
        if self._runs_red(nose_before):
            events.append(Event("red_light", self.time_s))
        lateral = abs(self.state.lateral)
        over_kerb = lateral > (LANE_WIDTH_M - self.vehicle.model.width) / 2 and self._beyond_kerb()
        if over_kerb and not self._over_kerb:
            events.append(Event("off_road", self.time_s))
        self._over_kerb = over_kerb
        self._stood_s = self._stood_s + STEP_S if self._stands_without_cause() else 0.0
        if hit := self._collision(self.box()):
            events.append(Event("collision", self.time_s, hit))
        elif lateral > LANE_WIDTH_M / 2:
            events.append(Event("lane", self.time_s))
        elif self._stood_s >= STALL_S:
            events.append(Event("stall", self.time_s))
        return events

    def _runs_red(self, nose_before: float) -> bool:
        nose = self.agent.nose
        k = self.route.junction_after(self.agent.s)
        if k is not None:
            lane = self.town.lanes[self.route.lanes[k - 1]]
            line = self.route.starts[k] - STOP_LINE_M
            if lane.light >= 0 and nose_before < line <= nose:
                red = self.town.lights[lane.light].state(self.time_s) == RED
                self._red_line = line if red else math.inf
        if nose > self._red_line + OVERRUN_M:
            self._red_line = math.inf
            return True
        return False

    def _beyond_kerb(self) -> bool:
        corners = outline(*self.box())[:4]
        return bool(self.town.road_margin(corners[:, 0], corners[:, 1]).min() < _OVER_KERB_M)

    def _stands_without_cause(self) -> bool:
        plan = self.agent.plan
        if self.may_stand or abs(self.state.speed) > _STANDING_MPS or plan.acceleration <= _WOULD_GO:
            return False
        return plan.stop > _QUEUE_M and (plan.gap > _QUEUE_M or plan.leader_speed > 1.0)

    def _collision(self, box: tuple[float, float, float, float, float]) -> str:
        """What the rectangle of the ego car overlaps: "car", "person", "thing" or nothing."""
        reach = box[3]
        if any(
            abs(p.x - box[0]) < reach and abs(p.y - box[1]) < reach and hits_disc(box, p.x, p.y, PERSON_RADIUS_M)
            for p in self.traffic.people
        ):
            return "person"
        if len(hits(box, self.traffic.outlines())):
            return "car"
        return "thing" if len(hits(box, self.town.obstacles)) else ""

    def _put_back(self, event: Event) -> None:
        agent, s = self.agent, self.agent.s
        while s > 0.0 and not self._is_free(s):
            s -= 1.0
        rolls = event.kind != "collision" and s == agent.s
        speed = min(max(self.vehicle.state.speed, _TAKEN_OVER_MPS), self.route.speed(s)) if rolls else 0.0
        agent.s = s
        self.vehicle.place(*self.route.pose(s), speed)
        self.traffic.relocate(agent)
        self._red_line = math.inf
        self._stood_s = 0.0

    def _is_free(self, s: float) -> bool:
        """Whether the car could stand at an arc length of the route with room ahead, in nobody's way."""
        x, y, heading = self.route.pose(s)
        model = self.vehicle.model
        ahead = (model.length + _CLEAR_AHEAD_M) / 2 - model.rear_overhang
        box = (
            x + ahead * math.cos(heading),
            y + ahead * math.sin(heading),
            float(wrap(heading)),
            model.length + _CLEAR_AHEAD_M,
            model.width,
        )
        return not self._collision(box) and not self.traffic.in_the_way(self.agent, s + self.agent.front)


def check_command(steering_angle: float, speed: float) -> None:
    """Refuse what no vehicle can be told.

    Raises:
        SimulationError: the angle or the speed is not finite.
    """
    if not (math.isfinite(steering_angle) and math.isfinite(speed)):
        raise SimulationError(f"A command is a finite angle and speed; found {steering_angle} rad and {speed} m/s.")


@lru_cache(maxsize=64)
def _town(seed: int) -> tuple[Roads, Conflicts]:
    """Towns never change, so worlds share them."""
    roads = Roads(Town.generate(seed))
    return roads, find_conflicts(roads.town)
