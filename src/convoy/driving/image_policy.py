"""What policies that drive from the camera image share: a model, the view it asks for, and a command for each image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.graph import LATCHED, SENSOR_DATA, ImageInput, Input, Level, Output
from convoy.inference import Projector
from convoy.inference.component import ModelComponent
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, CameraInfo, String, make


class PolicyError(ConvoyError):
    """The policy has no command to give for an image."""


class ImagePolicy(ModelComponent):
    """Base of the policies that turn each camera image into a command; `TASK` and `command` make one of it.

    Subscribes to ``image``; publishes ``drive``: the angle of a virtual front wheel in rad, left positive, and the
    speed in m/s, with the header of the image. A command that is not finite is an error and is not published.

    A model whose card asks for a cylindrical view gets the image projected to it, by ``camera_info``: until that has
    come, or while it can't be used, there are no commands, and ``/diagnostics`` says why. Other models ignore it.

    ``model`` (std_msgs/String, latched) names another model file to drive by from now on; empty goes back to that of
    the parameter. While it is loaded there are no commands, so stop the vehicle before. One that can't be used is an
    error, and the one before drives on.
    """

    image = ImageInput("image")
    camera_info = Input("camera_info", CameraInfo, qos=SENSOR_DATA)
    model = Input("model", String, qos=LATCHED)
    drive = Output("drive", AckermannDriveStamped)

    projector: Projector | None = None

    def command(self, outputs: Mapping[str, np.ndarray]) -> tuple[float, float]:
        """Return angle (rad) and speed (m/s) by the model's outputs.

        Raises:
            PolicyError: there is none.
        """
        raise NotImplementedError

    def load(self, path: Path) -> None:
        super().load(path)
        view = self.loaded.card.camera.view
        self.projector = Projector(view) if view else None

    def on_activate(self) -> None:
        if self.projector is not None:
            self.projector.camera = None
            self._report_projection(self.projector)

    def on_cleanup(self) -> None:
        super().on_cleanup()
        self.projector = None

    def on_model(self, message: Any) -> None:
        self.load(Path(message.data) if message.data else self.parameters.model)
        if self.projector is not None:
            self._report_projection(self.projector)

    def on_camera_info(self, info: Any) -> None:
        if self.projector is None:
            return
        try:
            self.projector.calibrate(info)
        finally:
            self._report_projection(self.projector)

    def on_image(self, image: CameraImage) -> None:
        if self.projector is not None and self.projector.camera is None:
            return  # and /diagnostics says so
        with tracing.stage("decode"):
            pixels = image.to(self.loaded.card.camera.colour)
        if self.projector is not None:
            pixels = self.projector.project(pixels)
            self._report_projection(self.projector)
        angle, speed = self.command(self.loaded.run(pixels))
        for value, what in ((angle, "steering angle"), (speed, "speed")):
            if not math.isfinite(value):
                raise PolicyError(f"the model gave a {what} of {value}")
        drive = make(AckermannDrive, steering_angle=angle, speed=speed)
        self.drive.publish(make(AckermannDriveStamped, header=image.header, drive=drive))

    def _report_projection(self, projector: Projector) -> None:
        self.report("Calibration", Level.OK if projector.sees_all else Level.WARN, projector.describe())
