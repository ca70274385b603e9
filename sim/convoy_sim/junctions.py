"""Who may enter a junction, and when: permits, given one at a time, that never conflict.

An agent passes the line before a junction with a permit for its way through, or not at all. A permit is given when
the light is green, no other permit conflicts, those who go first are far enough away, the crossing behind the junction
is free of people, and there is room beyond it. Whoever lets others go first need not wait until they have left: in the
junction it stops short of the way of those whose permits are older. So cars do not meet, and do not block one another
either: the oldest permit never waits for another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convoy_sim.conflicts import Conflicts
from convoy_sim.driver import DECELERATION, STANDING_GAP_M, Agent, Occupancy, Zebras, can_stop
from convoy_sim.lanes import GREEN, STOP_LINE_M
from convoy_sim.roads import Roads

LOOK_AHEAD_M = 90.0
"""From how far agents count as coming to a junction."""
LINE_GAP_M = 0.4
"""From a car that waits to the line."""
OVERRUN_M = 1.5
"""Who is farther than this beyond a line goes on, permit or not; others then get out of the way as well as they can."""
MARGIN_S = 1.0
"""Between leaving somebody's way and that somebody's arrival."""
PATIENCE_S = 4.0
"""Who has waited so long at a line goes before others who stand."""
STARVED_S = 15.0
"""Who has waited so long goes before all others who have no permit yet."""
_FIRM_DECELERATION = 3.0
_THROUGH_ACCELERATION = 1.9
_THROUGH_SPEED = 6.0
_ASK_MARGIN_M = 10.0
_LEAVING_MPS = 2.5


@dataclass
class _Coming:
    """An agent on its way to a junction: index of the junction lane in its route, the lane, metres to the line."""

    agent: Agent
    k: int
    lane: int
    distance: float


class Junctions:
    """The permits of all junctions of a town."""

    def __init__(self, roads: Roads, conflicts: Conflicts) -> None:
        self._roads = roads
        self._lanes = roads.town.lanes
        self._conflicts = conflicts
        self._holders: list[list[_Coming]] = [[] for _ in roads.town.junctions]

    def settle(
        self, agents: Sequence[Agent], occupancy: Occupancy, zebras: Zebras, time_s: float, seconds: float
    ) -> list[tuple[float, str] | None]:
        """Give and take back permits.

        Returns:
            for each agent, the distance of a line that it may not pass and why ("light", "junction" or "crossing").
        """
        for holders in self._holders:
            holders[:] = [h for h in holders if not self._has_left(h)]
        coming: list[list[_Coming]] = [[] for _ in self._holders]
        for agent in agents:
            k = agent.route.junction_after(agent.s)
            if k is None:
                continue
            distance = agent.route.starts[k] - STOP_LINE_M - agent.nose
            if distance < LOOK_AHEAD_M:
                lane = agent.route.lanes[k]
                coming[self._lanes[lane].junction].append(_Coming(agent, k, lane, distance))
        verdicts: dict[int, tuple[float, str]] = {}
        for junction, arriving in enumerate(coming):
            arriving.sort(key=lambda c: (c.agent.waited_s < STARVED_S, c.distance, c.agent.id))
            stopped: set[int] = set()
            for c in arriving:
                reason = self._decide(junction, c, arriving, stopped, occupancy, zebras, time_s)
                if reason is not None:
                    verdicts[c.agent.id] = (c.distance - LINE_GAP_M, reason)
                    stopped.add(self._lanes[c.lane].predecessors[0])
                    c.agent.waited_s = c.agent.waited_s + seconds if c.agent.speed < 0.5 and c.distance < 3 else 0.0
                else:
                    c.agent.waited_s = 0.0
        for holders in self._holders:
            for at, c in enumerate(holders):
                short = min((self._short_of(c, h) for h in holders[:at]), default=math.inf)
                if short < math.inf:
                    verdicts[c.agent.id] = (short, "junction")
        return [verdicts.get(agent.id) for agent in agents]

    def relocate(self, agent: Agent) -> None:
        """Forget the permits of an agent that has been put elsewhere; if that is a junction, it may leave it."""
        for holders in self._holders:
            holders[:] = [h for h in holders if h.agent is not agent]
        k = agent.route.index(agent.s)
        agent.permit = k
        lane = self._lanes[agent.route.lanes[k]]
        if lane.road < 0:
            self._holders[lane.junction].append(_Coming(agent, k, lane.id, 0.0))

    def force(self, agent: Agent) -> None:
        """Give an agent a permit for the next junction that goes before all others."""
        k = agent.route.junction_after(agent.s)
        if k is not None and agent.permit < k:
            lane = agent.route.lanes[k]
            agent.permit = k
            self._holders[self._lanes[lane].junction].insert(0, _Coming(agent, k, lane, 0.0))

    def contested(self, agent: Agent, lane: int) -> bool:
        """Whether somebody else has a permit that conflicts with a way through a junction."""
        holders = self._holders[self._lanes[lane].junction]
        return any(h.agent is not agent and self._hinders(h, lane) for h in holders)

    def _decide(
        self,
        junction: int,
        c: _Coming,
        arriving: list[_Coming],
        stopped: set[int],
        occupancy: Occupancy,
        zebras: Zebras,
        time_s: float,
    ) -> str | None:
        """Why an agent may not pass the line; None where it may."""
        agent, come = c.agent, self._lanes[c.lane].predecessors[0]
        holds = agent.permit >= c.k
        if c.distance < -OVERRUN_M:
            self.force(agent)
            return None
        if holds and (c.distance <= 0.0 or not can_stop(agent, c.distance, _FIRM_DECELERATION)):
            return None
        if not holds and not self._asks(agent, c.distance):
            return "light" if self._is_held(c.lane, time_s) else None
        reason = self._hindrance(junction, c, arriving, holds, occupancy, zebras, time_s)
        if reason is None and come in stopped:
            reason = "junction"
        if reason is not None and holds:
            self._holders[junction][:] = [h for h in self._holders[junction] if h.agent is not agent or h.k != c.k]
            agent.permit = c.k - 1
        if reason is None and not holds:
            agent.permit = c.k
            self._holders[junction].append(c)
        return reason

    def _hindrance(
        self,
        junction: int,
        c: _Coming,
        arriving: list[_Coming],
        holds: bool,
        occupancy: Occupancy,
        zebras: Zebras,
        time_s: float,
    ) -> str | None:
        lane = self._lanes[c.lane]
        if self._is_held(c.lane, time_s):
            return "light"
        if self._zebra_taken(lane.successors[0], zebras):
            return "crossing"
        if holds:
            return None
        if any(self._hinders(h, c.lane) and not self._may_follow(c, h) for h in self._holders[junction]):
            return "junction"
        if not self._room(junction, c, occupancy):
            return "junction"
        if c.agent.waited_s < STARVED_S and self._others_first(c, arriving, time_s):
            return "junction"
        return None

    def _is_held(self, lane: int, time_s: float) -> bool:
        """Whether a light holds the way through a junction."""
        light = self._lanes[self._lanes[lane].predecessors[0]].light
        return light >= 0 and self._roads.town.lights[light].state(time_s) != GREEN

    def _asks(self, agent: Agent, distance: float) -> bool:
        """Whether it is time to ask: soon enough that nobody has to brake who will get a permit."""
        return distance < agent.speed * (agent.speed / 4.0 + agent.lag_s) + _ASK_MARGIN_M

    def _has_left(self, h: _Coming) -> bool:
        """Whether an agent hinders nobody in the junction any more."""
        rear = h.agent.rear - h.agent.route.starts[h.k]
        return rear > max(self._conflicts.clear[h.lane].values(), default=self._roads.length[h.lane])

    def _hinders(self, h: _Coming, lane: int) -> bool:
        """Whether an agent with a permit has yet to leave the way of cars on a lane."""
        clear = self._conflicts.clear[h.lane].get(lane)
        return clear is not None and h.agent.rear - h.agent.route.starts[h.k] < clear

    def _may_follow(self, c: _Coming, older: _Coming) -> bool:
        """Whether an agent may enter while another, whom it lets go first, is still leaving its way."""
        leaving = older.agent.speed > _LEAVING_MPS and older.agent.nose > older.agent.route.starts[older.k]
        first = older.lane in self._conflicts.yields[c.lane]
        return first and leaving and can_stop(c.agent, self._short_of(c, older), DECELERATION)

    def _short_of(self, c: _Coming, older: _Coming) -> float:
        """Metres to where an agent stops short of the way of another, whose permit is older (infinite: it goes on)."""
        if not self._hinders(older, c.lane):
            return math.inf
        short = c.agent.route.starts[c.k] + self._conflicts.enter[c.lane][older.lane] - LINE_GAP_M - c.agent.nose
        return short if short > -LINE_GAP_M else math.inf

    def _zebra_taken(self, exit_lane: int, zebras: Zebras) -> bool:
        """Whether somebody is on the crossing with which an exit begins, or wants to be."""
        return any(
            (zebra.crossing, exit_lane) in zebras.taken or zebra.crossing in zebras.wanted
            for zebra in self._roads.zebras[exit_lane]
            if zebra.near < STOP_LINE_M
        )

    def _room(self, junction: int, c: _Coming, occupancy: Occupancy) -> bool:
        """Whether the car will fit behind the junction, not on a crossing, even if all ahead of it stop."""
        exit_lane = self._lanes[c.lane].successors[0]
        need = (
            c.agent.length
            + STANDING_GAP_M
            + max([zebra.far for zebra in self._roads.zebras[exit_lane] if zebra.near < STOP_LINE_M], default=0.0)
        )
        for h in self._holders[junction]:
            there = self._lanes[h.lane].successors[0] == exit_lane
            if there and h.agent.s < h.agent.route.starts[h.k] + self._roads.length[h.lane]:
                need += h.agent.length + STANDING_GAP_M
        return all(
            other.rear + max(other.speed, 0.0) ** 2 / (2 * _FIRM_DECELERATION) > need
            for other in occupancy.get(exit_lane, ())
        )

    def _others_first(self, c: _Coming, arriving: list[_Coming], time_s: float) -> bool:
        """Whether somebody who goes first will be there too soon."""
        yields, clear = self._conflicts.yields[c.lane], self._conflicts.clear[c.lane]
        for other in arriving:
            if other.lane not in yields or other.agent.permit >= other.k:
                continue
            if self._is_held(other.lane, time_s):
                continue
            if other.agent.speed < 0.5 and c.agent.waited_s > PATIENCE_S:
                continue
            way = c.distance + STOP_LINE_M + clear[other.lane] + c.agent.length
            their_way = other.distance + STOP_LINE_M + self._conflicts.enter[other.lane][c.lane]
            arrival = max(their_way, 0.0) / max(other.agent.speed, _THROUGH_SPEED)
            if arrival < _time_for(way, c.agent.speed) + MARGIN_S:
                return True
        return False


def _time_for(way: float, speed: float) -> float:
    """Seconds for a way, speeding up to what a turn allows."""
    speed = min(speed, _THROUGH_SPEED)
    rising = (_THROUGH_SPEED - speed) / _THROUGH_ACCELERATION
    risen = (speed + _THROUGH_SPEED) / 2 * rising
    if risen < way:
        return rising + (way - risen) / _THROUGH_SPEED
    return float(((speed**2 + 2 * _THROUGH_ACCELERATION * way) ** 0.5 - speed) / _THROUGH_ACCELERATION)
