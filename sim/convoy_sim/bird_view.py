"""The world from above, drawn as a map: for people who watch, and for reports."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy_sim.curve import Floats
from convoy_sim.lanes import GREEN, RED, YELLOW
from convoy_sim.network import LANE_WIDTH_M
from convoy_sim.outlines import outline
from convoy_sim.scenery import CAR_SIZES_M
from convoy_sim.world import World

Colour = tuple[int, int, int]

GRASS: Colour = (122, 146, 104)
ROAD: Colour = (84, 86, 90)
PAINT: Colour = (226, 226, 220)
BUILDING: Colour = (150, 134, 124)
PARKED: Colour = (120, 124, 132)
CAR: Colour = (60, 110, 190)
EGO: Colour = (214, 62, 48)
PERSON: Colour = (240, 200, 60)
ROUTE: Colour = (90, 190, 240)
LIGHTS: dict[int, Colour] = {RED: (230, 40, 40), YELLOW: (240, 200, 40), GREEN: (60, 200, 80)}
_SHIFT = 4
_ROUTE_AHEAD_M = 60.0
_DASH = 6
"""Samples of a lane."""


class BirdView:
    """Draws the surroundings of the ego car, which is in the middle and points up."""

    def __init__(self, size: int = 360, metres: float = 80.0) -> None:
        """`size` in pixels; `metres` is how much of the world fits."""
        self._size = size
        self._scale = size / metres
        self._reach = metres * 0.75

    def draw(self, world: World) -> NDArray[np.uint8]:
        """(size, size, 3) RGB picture of a world as it is."""
        picture = np.full((self._size, self._size, 3), GRASS, np.uint8)
        here = np.array(world.vehicle.centre)
        self._centre, self._turn = here, math.pi / 2 - world.state.heading
        town = world.town
        near = [lane for lane in town.lanes if (np.abs(lane.curve.xy - here).max(axis=1) < self._reach).any()]
        for lane in near:
            self._line(picture, lane.curve.xy, ROAD, LANE_WIDTH_M + 0.3)
        for lane in near:
            if lane.road >= 0 and lane.id < lane.opposite:
                middle = lane.curve.offset(LANE_WIDTH_M / 2)
                for dash in range(0, len(middle) - _DASH, 2 * _DASH):
                    self._line(picture, middle[dash : dash + _DASH], PAINT, 0.15)
        for crossing in town.crossings:
            if np.abs(crossing.xy - here).max() < self._reach:
                for aside in np.arange(-3.0, 3.1, 1.0):
                    c, s = math.cos(crossing.heading), math.sin(crossing.heading)
                    x, y = crossing.xy + aside * np.array([-s, c])
                    self._box(picture, (x, y, crossing.heading, 3.0, 0.5), PAINT)
        for building in town.buildings:
            box = (building.x, building.y, building.heading, building.length, building.depth)
            self._box(picture, box, BUILDING)
        for parked in town.parked:
            self._box(picture, (parked.x, parked.y, parked.heading, *CAR_SIZES_M[parked.model][:2]), PARKED)
        ahead = np.arange(0.0, _ROUTE_AHEAD_M, 1.0)
        self._line(picture, np.array([world.route.pose(world.agent.s + far)[:2] for far in ahead]), ROUTE, 0.3)
        states = town.light_states(world.time_s)
        for light in town.lights:
            lane = town.lanes[light.lane]
            x, y, heading = (float(v) for v in lane.curve.at(lane.stop_s or 0.0))
            self._box(picture, (x, y, heading, 0.6, LANE_WIDTH_M), LIGHTS[int(states[light.id])])
        for car in world.traffic.outlines():
            self._box(picture, tuple(car.tolist()), CAR)
        for person in world.traffic.people:
            self._box(picture, (person.x, person.y, person.heading, 0.7, 0.7), PERSON)
        self._box(picture, world.box(), EGO)
        return picture

    def _pixels(self, points: Floats) -> NDArray[np.int32]:
        c, s = math.cos(self._turn), math.sin(self._turn)
        x, y = (points - self._centre).T
        u = self._size / 2 + (x * c - y * s) * self._scale
        v = self._size / 2 - (x * s + y * c) * self._scale
        return np.rint(np.stack([u, v], axis=1) * 2**_SHIFT).astype(np.int32)

    def _line(self, picture: NDArray[np.uint8], points: Floats, colour: Colour, width_m: float) -> None:
        thickness = max(1, round(width_m * self._scale))
        cv2.polylines(picture, [self._pixels(points)], False, colour, thickness, cv2.LINE_8, _SHIFT)

    def _box(self, picture: NDArray[np.uint8], box: tuple[float, ...], colour: Colour) -> None:
        x, y, heading, length, width = box
        if abs(x - self._centre[0]) > self._reach + length or abs(y - self._centre[1]) > self._reach + length:
            return
        corners = outline(x, y, heading, length, width)[[0, 1, 3, 2]]
        cv2.fillConvexPoly(picture, self._pixels(corners), colour, cv2.LINE_AA, _SHIFT)
