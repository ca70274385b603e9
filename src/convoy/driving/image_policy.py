"""What policies that drive from the camera image share: a model, the view it asks for, and a command for each image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.graph import SENSOR_DATA, Component, ComponentParameters, ImageInput, Input, Level, Output
from convoy.inference import ModelCard, Projector, Session
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, CameraInfo, make


class PolicyError(ConvoyError):
    """The policy has no command to give for an image."""


class ImagePolicy(Component):
    """Base of the policies that turn each camera image into a command; `TASK` and `command` make one of it.

    Subscribes to ``image``; publishes ``drive``: the angle of a virtual front wheel in rad, left positive, and the
    speed in m/s, with the header of the image. A command that is not finite is an error and is not published.

    A model whose card asks for a cylindrical view gets the image projected to it, by ``camera_info``: until that has
    come, or while it can't be used, there are no commands, and ``/diagnostics`` says why. Other models ignore it.
    """

    TASK: ClassVar[str]
    """Of the models that it drives with."""

    class Parameters(ComponentParameters):
        model: Path = Field(description="ONNX model of the policy's task")
        device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
            "auto", description="where the model runs; 'auto' takes the best that loads"
        )

    image = ImageInput("image")
    camera_info = Input("camera_info", CameraInfo, qos=SENSOR_DATA)
    drive = Output("drive", AckermannDriveStamped)

    session: Session | None = None
    projector: Projector | None = None

    def command(self, outputs: Mapping[str, np.ndarray]) -> tuple[float, float]:
        """Return angle (rad) and speed (m/s) by the model's outputs.

        Raises:
            PolicyError: there is none.
        """
        raise NotImplementedError

    def check_model(self, card: ModelCard) -> None:
        """Refuse a model of the right task that this policy can't use all the same.

        Raises:
            PolicyError: what was found, and what was wanted.
        """

    def on_configure(self) -> None:
        parameters = self.parameters
        self.session = Session.load(parameters.model, task=self.TASK, device=parameters.device)
        card = self.session.card
        self.check_model(card)
        self.projector = Projector(card.camera.view) if card.camera.view else None
        self.report("Model", Level.OK, f"{card.name} on {self.session.device}", version=card.version)
        self.log.info(f"model {card.name}, version {card.version}, on {self.session.device}")

    def on_activate(self) -> None:
        if self.projector is not None:
            self.projector.camera = None
            self._report_projection(self.projector)

    def on_cleanup(self) -> None:
        self.session = self.projector = None

    def on_parameters(self, parameters: Any) -> None:
        if (parameters.model, parameters.device) != (self.parameters.model, self.parameters.device):
            raise PolicyError("'model' and 'device' are read when the component is configured; configure it anew.")

    def on_camera_info(self, info: Any) -> None:
        if self.projector is None:
            return
        try:
            self.projector.calibrate(info)
        finally:
            self._report_projection(self.projector)

    def on_image(self, image: CameraImage) -> None:
        assert self.session is not None  # loaded by on_configure, without which no image arrives
        if self.projector is not None and self.projector.camera is None:
            return  # and /diagnostics says so
        with tracing.stage("decode"):
            pixels = image.to(self.session.card.camera.colour)
        if self.projector is not None:
            pixels = self.projector.project(pixels)
            self._report_projection(self.projector)
        angle, speed = self.command(self.session.run(pixels))
        for value, what in ((angle, "steering angle"), (speed, "speed")):
            if not math.isfinite(value):
                raise PolicyError(f"the model gave a {what} of {value}")
        drive = make(AckermannDrive, steering_angle=angle, speed=speed)
        self.drive.publish(make(AckermannDriveStamped, header=image.header, drive=drive))

    def _report_projection(self, projector: Projector) -> None:
        self.report("Calibration", Level.OK if projector.sees_all else Level.WARN, projector.describe())
