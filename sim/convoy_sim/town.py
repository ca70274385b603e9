"""A town: its roads, its rules and all that stands in it, made from a seed. Pure geometry.

The ground is flat. Metres; x east, y north, headings counter-clockwise from east (REP-103). Traffic keeps to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convoy_sim.curve import Floats
from convoy_sim.kerbs import Footway, ParkingSpot, lay_kerbs, plan_bays
from convoy_sim.lane_index import LaneIndex, LanePoint
from convoy_sim.lanes import Crossing, Junction, Lane, Light, lay_lanes, light_states
from convoy_sim.network import Network, plan_network
from convoy_sim.scenery import CAR_SIZES_M, PROP_WIDTH_M, Building, ParkedCar, Prop, furnish

__all__ = ["Town"]


@dataclass(frozen=True, eq=False)
class Town:
    """A town and what may be asked of it. Make one with `Town.generate`.

    Attributes:
        seed: what it was made from.
        network: centre lines of the roads, and the junctions' places.
        lanes, junctions, lights, crossings: see their classes in `convoy_sim.lanes`.
        footways: rings of pavement, with the crossings that begin there; see `convoy_sim.kerbs`.
        spots: parking spots, taken or not.
        buildings, props, parked: see their classes in `convoy_sim.scenery`.
    """

    seed: int
    network: Network
    lanes: tuple[Lane, ...]
    junctions: tuple[Junction, ...]
    lights: tuple[Light, ...]
    crossings: tuple[Crossing, ...]
    footways: tuple[Footway, ...]
    buildings: tuple[Building, ...]
    props: tuple[Prop, ...]
    parked: tuple[ParkedCar, ...]
    spots: tuple[ParkingSpot, ...]

    @classmethod
    def generate(cls, seed: int) -> Town:
        """Make the town of a seed (0 or more); the same seed always makes the same town.

        Raises:
            SimulationError: no road network came out of this seed.
        """
        # A stream of chance for each: more trees must not move the roads.
        roads, rules, bays, things = (np.random.default_rng((seed, k)) for k in range(4))
        network = plan_network(roads)
        traffic = lay_lanes(network, rules)
        footways, spots = lay_kerbs(network, traffic, plan_bays(network, traffic, bays))
        scenery = furnish(traffic, footways, spots, things)
        return cls(
            seed,
            network,
            traffic.lanes,
            traffic.junctions,
            traffic.lights,
            traffic.crossings,
            footways,
            scenery.buildings,
            scenery.props,
            scenery.parked,
            spots,
        )

    def locate(self, x: ArrayLike, y: ArrayLike, heading: ArrayLike) -> LanePoint:
        """The lane that a pose (or each of N poses) is on: the near one that leads where the pose does."""
        return self._index.locate(x, y, heading)

    def on_road(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether points lie between the kerbs (parking bays are outside)."""
        return self.road_margin(x, y) > 0

    def road_margin(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """How far, in metres, points lie within the nearest lane's edges; negative outside all lanes."""
        return self._index.margin(x, y)

    def light_states(self, time_s: float) -> NDArray[np.int8]:
        """(lights,) RED, YELLOW or GREEN of `convoy_sim.lanes` at a time of the simulation."""
        return light_states(self.lights, time_s)

    @cached_property
    def obstacles(self) -> Floats:
        """(N, 5) all that a car can hit and that never moves: x, y, heading, length, width of rectangles."""
        boxes = [(b.x, b.y, b.heading, b.length, b.depth) for b in self.buildings]
        boxes += [(c.x, c.y, c.heading, *CAR_SIZES_M[c.model][:2]) for c in self.parked]
        boxes += [
            (
                p.x,
                p.y,
                p.heading,
                p.size if p.kind in ("hedge", "fence") else PROP_WIDTH_M[p.kind],
                PROP_WIDTH_M[p.kind],
            )
            for p in self.props
        ]
        return np.array(boxes)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y of the roads' lanes."""
        xy = np.concatenate([lane.curve.xy for lane in self.lanes])
        return (*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist())

    @cached_property
    def _index(self) -> LaneIndex:
        return LaneIndex(self.lanes)
