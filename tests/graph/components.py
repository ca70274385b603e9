"""Components that tests of the graph look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from convoy.errors import ConvoyError
from convoy.graph import (
    Component,
    ComponentParameters,
    ImageHeaderInput,
    ImageInput,
    Input,
    Output,
    Timer,
)
from convoy.interfaces.images import CameraImage, compress, encode
from convoy.interfaces.messages import Header, String, make

SECOND = 1_000_000_000


class EchoError(ConvoyError):
    """Something that a user can mend."""


class Echo(Component):
    """Repeats what it hears, twice, and counts the seconds."""

    class Parameters(ComponentParameters):
        prefix: str = Field("", description="goes before each line")
        volume: int = Field(1, ge=0, le=11, description="loudness")

    text = Input("text", String)
    echo = Output("echo", String)
    loudness = Output("loudness", String)
    tick = Timer(0.25)

    def __init__(self, name: str = "echo", parameters: dict[str, Any] | None = None) -> None:
        super().__init__(name, parameters)
        self.steps: list[str] = []
        self.ticks: list[int] = []
        self.fails: dict[str, Exception] = {}

    def on_configure(self) -> None:
        self.step("configure")

    def on_activate(self) -> None:
        self.step("activate")

    def on_deactivate(self) -> None:
        self.step("deactivate")

    def on_cleanup(self) -> None:
        self.step("cleanup")

    def on_text(self, message: Any) -> None:
        self.echo.publish(make(String, data=self.parameters.prefix + message.data))
        self.step("text")
        self.loudness.publish(make(String, data="!" * self.parameters.volume))

    def on_tick(self) -> None:
        self.ticks.append(self.now())
        self.step("tick")

    def on_parameters(self, parameters: Any) -> None:
        if parameters.volume > 10:
            raise EchoError("11 hurts")

    def step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.fails:
            raise self.fails[name]


class Watcher(Component):
    """Notes from where it gets its images."""

    image = ImageInput("image")
    watch = ImageHeaderInput("image")

    def __init__(self) -> None:
        super().__init__("watcher")
        self.images: list[CameraImage] = []
        self.headers: list[Header] = []

    def on_image(self, image: CameraImage) -> None:
        self.images.append(image)

    def on_watch(self, header: Header) -> None:
        self.headers.append(header)


def picture(kind: str, frame_id: str = "") -> Any:
    pixels = np.full((4, 6, 3), 128, np.uint8)
    header = make(Header, frame_id=frame_id or kind)
    return encode(pixels, "bgr8", header) if kind == "raw" else compress(pixels, "bgr8", header, "png")
