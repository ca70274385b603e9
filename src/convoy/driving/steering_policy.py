"""Steers from the camera image by an end-to-end network (Bojarski et al. 2016, "End to End Learning")."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.graph import Component, ComponentParameters, ImageInput, Level, Output
from convoy.inference import Session
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, make


class PolicyError(ConvoyError):
    """The policy has no command to give for an image."""


class SteeringPolicy(Component):
    """Turns each camera image into a steering angle, at a constant speed.

    Subscribes to ``image``; publishes ``drive``: the angle of a virtual front wheel in rad, left positive, and the
    speed in m/s, with the header of the image. An angle that is not finite is an error and is not published.
    """

    class Parameters(ComponentParameters):
        model: Path = Field(description="ONNX model with task 'steering'")
        device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
            "auto", description="where the model runs; 'auto' takes the best that loads"
        )
        speed: float = Field(1.0, ge=0.0, le=40.0, description="m/s to drive at")

    image = ImageInput("image")
    drive = Output("drive", AckermannDriveStamped)

    session: Session | None = None

    def on_configure(self) -> None:
        parameters = self.parameters
        self.session = Session.load(parameters.model, task="steering", device=parameters.device)
        card = self.session.card
        self.report("Model", Level.OK, f"{card.name} on {self.session.device}", version=card.version)
        self.log.info(f"model {card.name}, version {card.version}, on {self.session.device}")

    def on_cleanup(self) -> None:
        self.session = None

    def on_parameters(self, parameters: Any) -> None:
        if (parameters.model, parameters.device) != (self.parameters.model, self.parameters.device):
            raise PolicyError("'model' and 'device' are read when the component is configured; configure it anew.")

    def on_image(self, image: CameraImage) -> None:
        assert self.session is not None  # loaded by on_configure, without which no image arrives
        with tracing.stage("decode"):
            pixels = image.to(self.session.card.camera.colour)
        outputs = self.session.run(pixels)
        angle = float(outputs["steering_angle"].item())
        if not math.isfinite(angle):
            raise PolicyError(f"the model gave a steering angle of {angle}")
        drive = make(AckermannDrive, steering_angle=angle, speed=self.parameters.speed)
        self.drive.publish(make(AckermannDriveStamped, header=image.header, drive=drive))
