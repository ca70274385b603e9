"""The ego car's cameras, and what they show of a world."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from convoy_sim.cameras import CameraModel, Mounting, Pinhole
from convoy_sim.effects import Effects
from convoy_sim.frame import Frame
from convoy_sim.scene import CarView, PersonView, Pose, Scene
from convoy_sim.world import World

FRONT = Pinhole.of_view(320, 160, 100.0, Mounting())
"""The camera that a driving policy sees through: wide, and no taller than its cylindrical view needs."""


class Rig:
    """Shows a world to cameras on its ego car. Needs OpenGL, see `convoy_sim.gl`.

    Raises:
        SimulationError: there is no OpenGL.
    """

    def __init__(self, world: World, drive: int = 0, effects: Effects | None = None) -> None:
        self.world = world
        self.scene = Scene(world.town, world.weather, drive, effects=effects)
        self._drive = drive
        self.restart()

    def restart(self) -> None:
        """Draw rain and noise as from the beginning of the drive."""
        self._rng = np.random.default_rng((self.world.town.seed, self._drive, 7))

    def look(self) -> None:
        """Take over where everybody is now; call it after each step, before `render`."""
        traffic = self.world.traffic
        cars = [CarView(n, c.x, c.y, c.heading, c.model, c.colour) for n, c in enumerate(traffic.cars)]
        people = [
            PersonView(n, p.x, p.y, p.heading, p.outfit, p.walked if p.speed else None)
            for n, p in enumerate(traffic.people)
        ]
        self.scene.set_movers(cars, people, self.world.town.light_states(self.world.time_s))

    def render(
        self,
        camera: CameraModel = FRONT,
        want: Collection[str] = ("rgb",),
        *,
        left_m: float = 0.0,
        turned: float = 0.0,
    ) -> Frame:
        """What a camera sees, or would see were the car shifted to the left (m) and turned (rad) from where it is."""
        state = self.world.state
        x = state.x - left_m * np.sin(state.heading)
        y = state.y + left_m * np.cos(state.heading)
        return self.scene.render(Pose(float(x), float(y), state.heading + turned), camera, want, self._rng)

    def close(self) -> None:
        """Free what is held of OpenGL."""
        self.scene.close()
