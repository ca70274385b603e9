"""Steers from the camera image by an end-to-end network (Bojarski et al. 2016, "End to End Learning")."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from convoy.driving.image_policy import ImagePolicy


class SteeringPolicy(ImagePolicy):
    """Turns each camera image into a steering angle, at a constant speed.

    Subscribes to ``image``; publishes ``drive``: the angle of a virtual front wheel in rad, left positive, and the
    speed in m/s, with the header of the image. An angle that is not finite is an error and is not published.

    A model whose card asks for a cylindrical view gets the image projected to it, by ``camera_info``: until that has
    come, or while it can't be used, there are no commands, and ``/diagnostics`` says why. Other models ignore it.
    """

    TASK = "steering"

    class Parameters(ImagePolicy.Parameters):
        speed: float = Field(1.0, ge=0.0, le=40.0, description="m/s to drive at")

    def command(self, outputs: Mapping[str, np.ndarray]) -> tuple[float, float]:
        return float(outputs["steering_angle"].item()), self.parameters.speed
