"""The card of a model: all that a user of the file needs to know, carried by the file itself."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from convoy.inference.errors import ModelError
from convoy.inference.onnx_file import read_onnx
from convoy.inference.projection import CylindricalView
from convoy.inference.resize import Fit

CARD_KEY = "convoy.card"
"""Key of the card, as JSON, in the ONNX file's ``metadata_props``."""

_BOXES = {"boxes": "px", "scores": "probability"}
_TASK_OUTPUTS = {
    "steering": {"steering_angle": "rad"},
    "drive": {"commands": "rad, m/s"},
    "gestures": {"probabilities": "probability"},
    "detection": _BOXES,
    "instances": {**_BOXES, "masks": "probability"},
    "segmentation": {"mask": "class"},
    "depth": {"depth": "m"},
    "relocalisation": {"pose": "m, quaternion", "deviation": "m, rad"},
    "perception": {**_BOXES, "mask": "class", "depth": "m"},
}
"""The outputs, with units, that a task's users rely on; see docs/own_models.md for their shapes."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CameraInput(_Part):
    """The image that the net takes, and how a camera's image becomes that."""

    name: str = Field(default="image", description="name of the graph's input")
    width: int = Field(ge=1, le=8192, description="pixels")
    height: int = Field(ge=1, le=8192, description="pixels")
    colour: Literal["rgb8", "bgr8"] = Field(default="rgb8", description="order of the channels")
    layout: Literal["HWC uint8"] = Field(default="HWC uint8", description="axes and type of the pixels")
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
        return (self.height, self.width, 3)

    @property
    def dtype(self) -> Literal["uint8"]:
        """Element type of the array that the graph takes."""
        return "uint8"

    def describe(self) -> str:
        """Say in a few words what the net takes."""
        if self.horizontal_fov is None:
            return f"{self.width}x{self.height} {self.colour}"
        return (
            f"{self.width}x{self.height} {self.colour}, {math.degrees(self.horizontal_fov):.0f} degrees on a cylinder"
        )


class SeriesInput(_Part):
    """The time series that the net takes: so many channels at instants evenly spaced over the whole of it."""

    name: str = Field(default="series", description="name of the graph's input")
    steps: int = Field(ge=2, le=4096, description="instants; a series of another length is brought to as many")
    channels: int = Field(ge=1, le=4096, description="values at each instant")
    quantity: str = Field(description="what the channels are, in which order and unit")
    layout: Literal["TC float32"] = Field(default="TC float32", description="axes and type of the values")
    resample: Literal["linear"] = Field(default="linear", description="step that brings it to the number of instants")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that the graph takes."""
        return (self.steps, self.channels)

    @property
    def dtype(self) -> Literal["float32"]:
        """Element type of the array that the graph takes."""
        return "float32"

    def describe(self) -> str:
        """Say in a few words what the net takes."""
        return f"{self.steps} instants of {self.channels} channels: {self.quantity}"


class ModelOutput(_Part):
    """One output of the graph."""

    name: str = Field(description="name of the graph's output")
    unit: str = Field(description="SI unit, or what a value stands for")
    description: str = Field(default="", description="meaning, axes, sign")


class DataSource(_Part):
    """One data set that the model was trained on."""

    name: str
    licence: str = Field(description="licence of the data, 'not stated' where it has none")
    frames: int = Field(ge=0, description="frames trained on")
    part: str = Field(description="which part of it was trained on, and which was held out")


class ModelCard(_Part):
    """What the model is for, what it takes and how, what comes out, and where it is from."""

    format: Literal[1] = Field(default=1, description="version of this card's layout")
    name: str
    task: str = Field(description="such as 'steering'")
    version: str = "1"
    description: str
    input: CameraInput | SeriesInput = Field(discriminator="layout")
    outputs: tuple[ModelOutput, ...] = Field(min_length=1)
    steps: tuple[str, ...] = Field(
        default=(), description="named steps that the running system must take around the net"
    )
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = Field(default=(), description="RGB of each class")
    trained_on: tuple[DataSource, ...] = ()
    seeds: tuple[int, ...] = ()
    metrics: dict[str, dict[str, float]] = Field(default={}, description="by named held-out data: metric -> value")
    constant: float | None = Field(
        default=None, description="mean of the training targets, in the output's unit: the baseline"
    )
    licence: str = Field(description="licence of the weights")
    revision: str = Field(description="revision of the code that made the model")
    command: str = Field(description="command that made the model")

    @model_validator(mode="after")
    def _outputs_fit_task(self) -> ModelCard:
        found = {output.name: output.unit for output in self.outputs}
        for name, unit in _TASK_OUTPUTS.get(self.task, {}).items():
            if found.get(name) != unit:
                raise ValueError(f"a {self.task} model has an output {name!r} in {unit}, this one has {found}")
        if self.palette and len(self.palette) != len(self.classes):
            raise ValueError(f"{len(self.classes)} classes, but {len(self.palette)} colours in the palette")
        return self

    @property
    def camera(self) -> CameraInput:
        """The input of a model that reads images.

        Raises:
            ModelError: this one reads something else.
        """
        if not isinstance(self.input, CameraInput):
            raise ModelError(f"{self.name} takes {self.input.describe()}, no image.")
        return self.input

    @property
    def series(self) -> SeriesInput:
        """The input of a model that reads time series.

        Raises:
            ModelError: this one reads something else.
        """
        if not isinstance(self.input, SeriesInput):
            raise ModelError(f"{self.name} takes images of {self.input.describe()}, no series.")
        return self.input

    @classmethod
    def read(cls, path: str | Path) -> ModelCard:
        """Read the card of a model file, without loading the net.

        Raises:
            ModelError: the file is missing, damaged, not ONNX, or carries no card that this version understands.
        """
        path = Path(path)
        text = read_onnx(path).metadata.get(CARD_KEY)
        if text is None:
            raise ModelError(
                f"{path} is an ONNX file without a card (metadata {CARD_KEY!r}); wanted one made by `convoy train`."
            )
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or "as a whole"
            raise ModelError(f"The card of {path} can't be used ({where}): {fault['msg']}.") from None
