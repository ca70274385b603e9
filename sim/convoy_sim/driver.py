"""How an agent drives along its route: slow for bends, behind what is ahead, held by lines and people.

Following is the Intelligent Driver Model (Treiber, Hennecke and Helbing, "Congested traffic states in empirical
observations and microscopic simulations", 2000). Who may enter a junction is decided in `convoy_sim.junctions`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from convoy_sim.roads import Roads
from convoy_sim.route import Route

ACCELERATION = 2.0
DECELERATION = 2.2
"""Comfortable, m/s^2."""
HARDEST_DECELERATION = 8.0
HEADWAY_S = 1.2
STANDING_GAP_M = 2.0
"""Between the bumpers of cars that stand."""
ZEBRA_GAP_M = 1.0
"""From a car that waits to the crossing."""
HORIZON_M = 60.0
_SPEED_LAG_S = 0.4
_STOP_LAG_S = 0.5
_TARGET_LAG_S = 1.0
"""How late a car is on a target speed that falls."""
_TARGET_HEADWAY_S = 1.5
"""A target asks for more than `HEADWAY_S`: one look does not tell whether what is ahead moves."""


@dataclass
class Plan:
    """What an agent should do now, and why.

    Attributes:
        acceleration: m/s^2.
        reason: what limits it: "free", "bend", "leader", "light", "junction", "crossing" or "goal".
        gap, leader_speed: to the next thing ahead within `HORIZON_M`, m (infinite where nothing is) and m/s.
        stop: metres to where the agent must stop at present (infinite where it need not).
        limit: speed allowed by the rules and the bends, m/s.
        target: the speed that the place and what is ahead ask for, as one look tells, m/s: however fast the agent is,
            and whether what is ahead moves or not.
    """

    acceleration: float = 0.0
    reason: str = "free"
    gap: float = math.inf
    leader_speed: float = 0.0
    stop: float = math.inf
    limit: float = 0.0
    target: float = 0.0


class Agent:
    """Something that drives along a route: a car of the traffic, or the ego car.

    Attributes:
        id: agents are treated in the order of their ids.
        route, s: where its rear axle is, as an arc length of its route.
        speed: m/s. length, width: m. tail: from the rear axle to the rear bumper, m.
        pace: how fast it likes to be, as a part of what is allowed.
        lag_s: how late it acts on what it wants.
        permit: index in `route.lanes` of the last junction lane that it may enter; -1 before the first.
        waited_s: how long it has stood at a junction's line.
        plan: what it should do now.
    """

    def __init__(
        self, at: int, route: Route, s: float, length: float, width: float, tail: float, pace: float, lag_s: float = 0.0
    ) -> None:
        self.id = at
        self.route, self.s, self.speed = route, s, 0.0
        self.length, self.width, self.tail, self.front = length, width, tail, length - tail
        self.pace, self.lag_s = pace, lag_s
        self.permit = -1
        self.waited_s = 0.0
        self.plan = Plan()

    @property
    def nose(self) -> float:
        """Arc length of its front bumper."""
        return self.s + self.front

    @property
    def rear(self) -> float:
        """Arc length of its rear bumper."""
        return self.s - self.tail


class Occupant(NamedTuple):
    """Something on a lane: arc lengths of its rear and front, its speed along the lane, its agent's id (-1: none)."""

    rear: float
    front: float
    speed: float
    agent: int


Occupancy = dict[int, list[Occupant]]
"""What is on each lane, by the lane's id."""


class Zebras:
    """Which crossings hold the traffic at present.

    Attributes:
        taken: (crossing, lane) that somebody walks on, or is about to.
        wanted: crossings without lights where somebody waits.
        coming: for each crossing, of every car that comes: metres to its near edge, metres until the rear has passed
            it, speed.
    """

    def __init__(self) -> None:
        self.taken: set[tuple[int, int]] = set()
        self.wanted: set[int] = set()
        self.coming: dict[int, list[tuple[float, float, float]]] = {}


class Driver:
    """Plans for agents, one at a time."""

    def __init__(self, roads: Roads, shared: dict[int, dict[int, float]]) -> None:
        """`shared` is that of `convoy_sim.conflicts.Conflicts`."""
        self._roads = roads
        self._shared = shared

    def plan(self, agent: Agent, occupancy: Occupancy, zebras: Zebras, junction: tuple[float, str] | None) -> Plan:
        """What an agent should do; `junction` is (distance, reason) of a line that it may not pass, if there is one."""
        route, speed = agent.route, agent.speed
        route.extend(agent.s + HORIZON_M)
        limit = route.speed(agent.s + speed * (0.1 + agent.lag_s)) * agent.pace
        plan = Plan(acceleration=_towards(speed, limit), limit=limit)
        if plan.acceleration < 0.0 or limit < 9.0:
            plan.reason = "bend"
        self._follow(agent, occupancy, plan)
        if junction is not None:
            self._stop(agent, junction[0], junction[1], plan)
        self._cross(agent, zebras, plan)
        if route.ends:
            self._stop(agent, route.length - agent.nose, "goal", plan)
        plan.acceleration = max(plan.acceleration, -HARDEST_DECELERATION)
        plan.target = min(
            limit,
            max(plan.gap - STANDING_GAP_M, 0.0) / _TARGET_HEADWAY_S,
            _safe_speed(plan.stop, _TARGET_LAG_S),
        )
        return plan

    def _follow(self, agent: Agent, occupancy: Occupancy, plan: Plan) -> None:
        """Behind the nearest thing ahead."""
        route = agent.route
        s, horizon, nose = agent.s, agent.s + HORIZON_M, agent.nose
        nearest, ahead_speed = math.inf, 0.0
        k = route.index(s)
        while k < len(route.lanes) and route.starts[k] < horizon:
            lane, start = route.lanes[k], route.starts[k]
            for other in occupancy.get(lane, ()):
                # Its middle is ahead of my rear axle, or else it is behind me.
                if other.agent != agent.id and start + (other.rear + other.front) / 2 > s:
                    rear = start + other.rear
                    if rear < nearest:
                        nearest, ahead_speed = rear, other.speed
            for sibling, until in self._shared.get(lane, {}).items():
                for other in occupancy.get(sibling, ()):
                    if other.agent != agent.id and other.rear < until and start + other.front > nose:
                        rear = start + other.rear
                        if rear < nearest:
                            nearest, ahead_speed = rear, other.speed
            if nearest < math.inf:
                break
            k += 1
        if nearest - nose > HORIZON_M:
            return
        ahead_speed = max(ahead_speed, 0.0)
        plan.gap, plan.leader_speed = nearest - nose, ahead_speed
        acceleration = _idm(agent.speed, plan.gap - agent.speed * agent.lag_s, ahead_speed)
        if acceleration < plan.acceleration:
            plan.acceleration, plan.reason = acceleration, "leader"

    def _cross(self, agent: Agent, zebras: Zebras, plan: Plan) -> None:
        """Before crossings: for people, and so as not to stand on one."""
        route, nose, speed = agent.route, agent.nose, agent.speed
        reach = speed * speed / (2 * DECELERATION) + 12.0
        k = route.index(agent.rear)
        while k < len(route.lanes) and route.starts[k] < nose + reach:
            lane, start = route.lanes[k], route.starts[k]
            for zebra in self._roads.zebras[lane]:
                near, far = start + zebra.near - nose, start + zebra.far - nose
                if far + agent.length < 0.0 or near > reach:
                    continue
                zebras.coming.setdefault(zebra.crossing, []).append((near, far + agent.length, speed))
                if near < -0.5:
                    continue
                stop = near - ZEBRA_GAP_M
                held = (zebra.crossing, lane) in zebras.taken
                if zebra.crossing in zebras.wanted:
                    held = (
                        held or speed * speed <= 2 * DECELERATION * max(stop - speed * agent.lag_s, 0.01) or speed < 0.5
                    )
                if plan.leader_speed < 2.0 and near < plan.gap < far + agent.length + STANDING_GAP_M:
                    held = True
                if held:
                    self._stop(agent, stop, "crossing", plan)
            k += 1

    def _stop(self, agent: Agent, distance: float, reason: str, plan: Plan) -> None:
        plan.stop = min(plan.stop, distance)
        acceleration = _halt(agent.speed, distance - agent.speed * agent.lag_s)
        if acceleration < plan.acceleration:
            plan.acceleration, plan.reason = acceleration, reason


def can_stop(agent: Agent, distance: float, deceleration: float) -> bool:
    """Whether an agent can stop within a distance."""
    return agent.speed**2 <= 2 * deceleration * max(distance - agent.speed * agent.lag_s, 0.0)


def _towards(speed: float, limit: float) -> float:
    """Acceleration towards a speed that is allowed."""
    if speed <= limit:
        return min(ACCELERATION * (1.0 - (speed / limit) ** 4), (limit - speed) / _SPEED_LAG_S)
    return max((limit - speed) / _SPEED_LAG_S, -2 * DECELERATION)


def _idm(speed: float, gap: float, ahead_speed: float) -> float:
    """Acceleration behind something that is `gap` ahead; what is allowed is looked after elsewhere."""
    gap = max(gap, 0.1)
    wanted = STANDING_GAP_M + max(
        0.0, speed * HEADWAY_S + speed * (speed - ahead_speed) / (2 * math.sqrt(ACCELERATION * DECELERATION))
    )
    return ACCELERATION * (1.0 - (wanted / gap) ** 2)


def _safe_speed(distance: float, lag_s: float) -> float:
    """From which one can stop within a distance, `lag_s` from now (Gipps, "A behavioural model", 1981)."""
    late = DECELERATION * lag_s
    return math.sqrt(late * late + 2 * DECELERATION * max(distance, 0.0)) - late


def _halt(speed: float, distance: float) -> float:
    """Acceleration that stops within a distance; at leisure where there is room."""
    if distance <= 0.0:
        return -HARDEST_DECELERATION if speed > 0.0 else -1.0
    leisurely = (math.sqrt(2 * DECELERATION * max(distance - speed * _STOP_LAG_S, 0.0)) - speed) / _STOP_LAG_S
    needed = speed * speed / (2 * distance)
    return min(leisurely, -needed) if needed > DECELERATION else leisurely
