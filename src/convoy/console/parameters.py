"""What can be set of the operator's page."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from convoy.console.access import is_loopback
from convoy.graph import ComponentParameters


class ConsoleParameters(ComponentParameters):
    """Where the page is, who may open it, what a person may command, and where takes and models are kept."""

    host: str = Field("127.0.0.1", description="address to listen on; beyond loopback a token and TLS are required")
    port: int = Field(8700, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    token: str = Field(
        "", repr=False, description="what pages must know beyond loopback, 16 characters or more; empty makes one"
    )
    certificate: Path = Field(Path(), description="PEM file for TLS; empty makes one")
    key: Path = Field(Path(), description="PEM file of the certificate's private key")
    max_pages: int = Field(16, ge=1, le=200, description="pages that may be open at once")
    folder: Path = Field(Path("runs/console"), description="for takes, models and the self-made certificate")
    least_free_mb: int = Field(
        500, ge=1, le=1_000_000, description="MB free on the disk, below which nothing is recorded"
    )
    start_model: Path = Field(
        Path(), description="model of 'convoy train drive' that trainings begin as, for cameras like its own; or empty"
    )
    train_members: int = Field(1, ge=1, le=20, description="nets that a training on takes makes an ensemble of")

    max_steering_angle: float = Field(0.45, gt=0.0, lt=1.5, description="rad, at full steering of a person")
    max_speed: float = Field(5.0, gt=0.0, le=40.0, description="m/s, at full throttle of a person")
    max_reverse_speed: float = Field(0.0, ge=0.0, le=10.0, description="m/s, at full throttle backwards; 0 only brakes")
    acceleration: float = Field(3.0, gt=0.0, le=50.0, description="m/s^2, of a person's throttle")
    coasting: float = Field(2.0, gt=0.0, le=50.0, description="m/s^2, slowing down with the throttle let go")
    braking: float = Field(8.0, gt=0.0, le=50.0, description="m/s^2, of a person's brake")

    camera_ahead: float = Field(1.7, ge=-10.0, le=20.0, description="m from the rear axle to the camera")
    camera_height: float = Field(1.2, gt=0.0, le=10.0, description="m from the ground to the camera")
    camera_pitch: float = Field(0.06, ge=-1.5, le=1.5, description="rad, the camera's nose down")
    wheelbase: float = Field(2.6, gt=0.0, le=20.0, description="m between the axles")
    track: float = Field(1.6, gt=0.0, le=10.0, description="m, width of the vehicle on the ground")
    arc_length: float = Field(15.0, gt=3.0, le=100.0, description="m, how far ahead the steering arcs are drawn")
    picture_width: int = Field(960, ge=64, le=4096, description="px; wider pictures are made smaller for the page")
    quality: int = Field(85, ge=10, le=100, description="of the JPEG that pages and takes get of a raw picture")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.token and len(self.token) < 16:
            raise ValueError("a token has 16 characters or more; leave 'token' empty to have one made")
        if (self.certificate == Path()) != (self.key == Path()):
            raise ValueError("'certificate' and 'key' go together")
        return self

    @property
    def is_open(self) -> bool:
        """Whether the page can be reached from other machines."""
        return not is_loopback(self.host)
