"""What can be set about the component `simulator`."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from convoy.graph import ComponentParameters
from convoy_sim.cameras import CameraModel, Fisheye, Pinhole, misaligned, stereo_pair
from convoy_sim.errors import SimulationError
from convoy_sim.rig import FRONT
from convoy_sim.traffic import MOST_CARS, MOST_PEOPLE
from convoy_sim.world import STEP_S


class SimulatorParameters(ComponentParameters):
    """Where and how to drive, what the sensors are like, and what is published."""

    town: int = Field(1100, ge=0, description="seed of the town")
    drive: int = Field(0, ge=0, description="number of the drive: start, route, traffic and light come from it")
    lap: bool = Field(False, description="the route is the shortest way round, again and again")
    weather: str = Field("clear", description="clear, cloudy, low_sun, overcast, fog, rain or dusk")
    cars: int = Field(15, ge=0, le=MOST_CARS, description="moving cars")
    people: int = Field(20, ge=0, le=MOST_PEOPLE, description="pedestrians")
    scenario: int = Field(
        -1,
        ge=-1,
        description="number of a scenario in which somebody gets in the way, instead of traffic; -1: none",
    )
    stale_after: float = Field(0.5, ge=2 * STEP_S, le=10.0, description="s without a command until the car brakes")
    wait: float = Field(
        0.0, ge=0.0, le=600.0, description="s that the world stands still at most, until a command moves the car"
    )
    may_stand: bool = Field(False, description="leave a car alone that stands; else it is put on its way after 5 s")

    camera: Literal["pinhole", "fisheye"] = Field("pinhole", description="model of the camera")
    width: int = Field(FRONT.width, ge=16, le=2048, description="pixels")
    height: int = Field(FRONT.height, ge=16, le=2048, description="pixels")
    horizontal_fov: float = Field(math.radians(100.0), gt=0.1, lt=2.97, description="rad")
    baseline: float = Field(0.0, ge=0.0, le=2.0, description="m to the right camera of a stereo pair; 0.0 for none")
    mounting_error: float = Field(0.0, ge=0.0, le=0.2, description="rad, deviation of the camera's turn")
    noise: float = Field(0.0, ge=0.0, le=100.0, description="deviation of a pixel, of 255")
    exposure: float = Field(0.0, ge=0.0, le=2.0, description="stops, deviation from picture to picture")
    blur: float = Field(0.0, ge=0.0, le=10.0, description="px, deviation of a Gaussian")
    vignette: float = Field(0.0, ge=0.0, le=1.0, description="how dark the corners are")
    odometry_noise: float = Field(0.0, ge=0.0, le=0.5, description="deviation of speed and yaw rate, as a part")

    image: bool = Field(True, description="publish the camera's image")
    transport: Literal["raw", "png", "jpeg"] = Field("raw", description="how images are published")
    depth: bool = Field(False, description="publish depth")
    masks: bool = Field(False, description="publish the masks of classes and instances")
    detections: bool = Field(False, description="publish the boxes of all that is seen")
    radar: bool = Field(True, description="publish how far the way ahead is free")
    clock: bool = Field(False, description="publish the clock, for those with use_sim_time")

    @property
    def cameras(self) -> list[CameraModel]:
        """The camera, or the left and the right one."""
        rng, degrees = np.random.default_rng((self.town, self.drive, 8)), math.degrees(self.horizontal_fov)
        kind = Pinhole if self.camera == "pinhole" else Fisheye
        front: CameraModel = kind.of_view(self.width, self.height, degrees)
        if self.mounting_error:
            front = misaligned(front, rng, math.degrees(self.mounting_error))
        if not self.baseline:
            return [front]
        if not isinstance(front, Pinhole):
            raise SimulationError("A stereo pair ('baseline') is of pinhole cameras; found 'camera' fisheye.")
        return list(stereo_pair(front, self.baseline))

    @property
    def wanted(self) -> list[str]:
        """What is to be rendered."""
        masks = ["classes", "instances"]
        return ["rgb"] * self.image + ["depth"] * self.depth + masks * self.masks + ["boxes"] * self.detections
