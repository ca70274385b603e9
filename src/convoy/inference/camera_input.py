"""What image a net takes, and how a camera's image becomes that."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from convoy.inference.part import Part
from convoy.inference.projection import CylindricalView
from convoy.inference.resize import Fit

ImageLayout = Literal[
    "HWC uint8", "HWC float32", "NHWC uint8", "NHWC float32", "CHW uint8", "CHW float32", "NCHW uint8", "NCHW float32"
]


class CameraInput(Part):
    """The image that the net takes, and how a camera's image becomes that."""

    name: str = Field(default="image", description="name of the graph's input")
    width: int = Field(ge=1, le=8192, description="pixels")
    height: int = Field(ge=1, le=8192, description="pixels")
    colour: Literal["rgb8", "bgr8"] = Field(default="rgb8", description="order of the channels")
    layout: ImageLayout = Field(default="HWC uint8", description="axes and type of the pixels; N is a batch of one")
    scale: float = Field(default=1.0, gt=0, description="of float32: a value is (pixel * scale - mean) / std")
    mean: tuple[float, float, float] = Field(default=(0.0, 0.0, 0.0), description="of float32, by channel")
    std: tuple[float, float, float] = Field(default=(1.0, 1.0, 1.0), description="of float32, by channel")
    resize: Literal["stretch", "letterbox"] = Field(
        default="stretch", description="step that brings an image of another size to this one"
    )
    padding: int = Field(default=114, ge=0, le=255, description="value of the pixels around a letterboxed image")
    focal_length: float | None = Field(
        default=None, gt=0, description="px, in this input, of the camera that depth was learned with"
    )
    projection: Literal["camera", "cylindrical"] = Field(
        default="camera", description="'camera': as the camera delivers it; 'cylindrical': as on a CylindricalView"
    )
    horizontal_fov: float | None = Field(default=None, description="rad, of a cylindrical view")
    top: float | None = Field(default=None, description="rad, elevation of the cylindrical view's upper edge")
    bottom: float | None = Field(default=None, description="rad, elevation of the cylindrical view's lower edge")

    @classmethod
    def of_view(cls, view: CylindricalView, **fields: Any) -> CameraInput:
        """Describe a net that takes a cylindrical view; `fields` are others of the card's."""
        return cls(projection="cylindrical", **fields, **asdict(view))

    @model_validator(mode="after")
    def _view_is_whole(self) -> CameraInput:
        given = [value is not None for value in (self.horizontal_fov, self.top, self.bottom)]
        if given != [self.projection == "cylindrical"] * 3:
            raise ValueError(
                "'horizontal_fov', 'top' and 'bottom' are given with a cylindrical projection, and only then"
            )
        _ = self.view  # refuses one that makes no sense
        if self.dtype == "uint8" and (self.scale, *self.mean, *self.std) != (1, 0, 0, 0, 1, 1, 1):
            raise ValueError(f"'scale', 'mean' and 'std' are of float32 pixels; the layout is {self.layout!r}")
        if not all(self.std):
            raise ValueError("'std' is 0")
        return self

    @property
    def view(self) -> CylindricalView | None:
        """The cylindrical view that the net takes; None for the image as the camera delivers it."""
        if self.horizontal_fov is None or self.top is None or self.bottom is None:
            return None
        return CylindricalView(self.width, self.height, self.horizontal_fov, self.top, self.bottom)

    def fit(self, width: int, height: int) -> Fit:
        """Return how an image of this size is brought to the input, and how results are brought back."""
        if self.resize == "letterbox":
            return Fit.letterboxed((width, height), (self.width, self.height), self.padding)
        return Fit.stretched((width, height), (self.width, self.height))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that the graph takes."""
        lengths = {"N": 1, "H": self.height, "W": self.width, "C": 3}
        return tuple(lengths[axis] for axis in self.layout.split()[0])

    @property
    def dtype(self) -> str:
        """Element type of the array that the graph takes: uint8 or float32."""
        return self.layout.split()[1]

    @property
    def example(self) -> np.ndarray:
        """A black image of the input's size, as `Session.run` takes it."""
        return np.zeros((self.height, self.width, 3), np.uint8)

    def arrange(self, pixels: np.ndarray, tensor: np.ndarray) -> np.ndarray:
        """Bring pixels (H, W, 3) uint8 of the input's size into its layout and scale; `tensor` may be overwritten."""
        axes, kind = self.layout.split()
        if axes.endswith("CHW"):
            pixels = pixels.transpose(2, 0, 1)
        if kind == "uint8":
            return np.ascontiguousarray(pixels).reshape(self.shape)
        planes = tensor.reshape(tensor.shape[-3:])
        slope, mean, std = (np.array(v, np.float32) for v in (self.scale, self.mean, self.std))
        by_channel = (3, 1, 1) if axes.endswith("CHW") else (1, 1, 3)
        np.multiply(pixels, (slope / std).reshape(by_channel), out=planes)
        planes -= (mean / std).reshape(by_channel)
        return tensor

    def describe(self) -> str:
        """Say in a few words what the net takes."""
        if self.horizontal_fov is None:
            return f"{self.width}x{self.height} {self.colour}"
        return (
            f"{self.width}x{self.height} {self.colour}, {math.degrees(self.horizontal_fov):.0f} degrees on a cylinder"
        )
