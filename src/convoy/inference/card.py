"""The card of a model: all that a user of the file needs to know, carried by the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from convoy.inference import own_card
from convoy.inference.box_forms import SsdForm
from convoy.inference.camera_input import CameraInput
from convoy.inference.errors import ModelError
from convoy.inference.forms import FORMS_OF_TASKS, Form
from convoy.inference.onnx_file import read_onnx
from convoy.inference.part import Part

CARD_KEY = "convoy.card"
"""Key of the card, as JSON, in the ONNX file's ``metadata_props``."""

_BOXES = {"boxes": "px", "scores": "probability"}
_TASK_OUTPUTS = {
    "steering": {"steering_angle": "rad"},
    "drive": {"commands": "rad, m/s"},
    "gestures": {"probabilities": "probability"},
    "detection": _BOXES,
    "instances": {**_BOXES, "masks": "probability"},
    "keypoints": {**_BOXES, "keypoints": "px, score"},
    "segmentation": {"mask": "class"},
    "depth": {"depth": "m"},
    "relocalisation": {"pose": "m, quaternion", "deviation": "m, rad"},
    "perception": {**_BOXES, "mask": "class", "depth": "m"},
}
"""The outputs, with units, that a task's users rely on; see docs/own_models.md for their shapes."""


class SeriesInput(Part):
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

    @property
    def example(self) -> np.ndarray:
        """A series of zeros, as `Session.run` takes it."""
        return np.zeros(self.shape, np.float32)

    def describe(self) -> str:
        """Say in a few words what the net takes."""
        return f"{self.steps} instants of {self.channels} channels: {self.quantity}"


class ModelOutput(Part):
    """One output of the graph."""

    name: str = Field(description="name of the graph's output")
    unit: str = Field(description="SI unit, or what a value stands for")
    description: str = Field(default="", description="meaning, axes, sign")


class DataSource(Part):
    """One data set that the model was trained on."""

    name: str
    licence: str = Field(description="licence of the data, 'not stated' where it has none")
    frames: int = Field(ge=0, description="frames trained on")
    part: str = Field(description="which part of it was trained on, and which was held out")


class ModelCard(Part):
    """What the model is for, what it takes and how, what comes out, and where it is from."""

    format: Literal[1] = Field(default=1, description="version of this card's layout")
    name: str
    task: str = Field(description="such as 'steering'")
    version: str = "1"
    description: str
    input: CameraInput | SeriesInput = Field(discriminator="layout")
    outputs: tuple[ModelOutput, ...] = Field(min_length=1)
    form: Form | None = Field(
        default=None, description="how the outputs follow from the graph's; None where they are the graph's"
    )
    steps: tuple[str, ...] = Field(
        default=(), description="named steps that the running system must take around the net"
    )
    classes: tuple[str, ...] = ()
    boxed: tuple[int, ...] = Field(
        default=(), description="indices of `classes` that `scores` has columns for; empty where it has one for each"
    )
    keypoints: tuple[str, ...] = Field(default=(), description="names of the points of a thing, in their order")
    palette: tuple[tuple[int, int, int], ...] = Field(default=(), description="RGB of each class")
    bounds: tuple[float, float, float, float, float, float] | None = Field(
        default=None, description="least and greatest x y z, in m, of the part of the map that poses were learned in"
    )
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
        if self.form is not None and not isinstance(self.form, FORMS_OF_TASKS.get(self.task, ())):
            raise ValueError(f"the results of a {self.task} model can't have the form {self.form.form!r}")
        if any(not 0 <= index < len(self.classes) for index in self.boxed):
            raise ValueError(f"'boxed' is {self.boxed}, but there are {len(self.classes)} classes")
        if self.palette and len(self.palette) != len(self.classes):
            raise ValueError(f"{len(self.classes)} classes, but {len(self.palette)} colours in the palette")
        return self

    def gives(self, output: str) -> bool:
        """Whether an output of this name is among the model's."""
        return any(one.name == output for one in self.outputs)

    @property
    def boxed_classes(self) -> tuple[str, ...]:
        """Names of the columns of ``scores``."""
        return tuple(self.classes[index] for index in self.boxed) or self.classes

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
        """Read the card of a model file, or ``NAME.card.yaml`` beside one without, and not the net.

        Raises:
            ModelError: the file is missing, damaged, not ONNX, or has no card that this version understands.
        """
        path = Path(path)
        text = read_onnx(path).metadata.get(CARD_KEY)
        beside = own_card.path_of(path)
        if text is None:
            if not beside.exists():
                raise ModelError(
                    f"{path} is an ONNX file without a card (metadata {CARD_KEY!r}); wanted one by `convoy train`, "
                    f"or {beside.name} beside it, see docs/own_models.md."
                )
            return cls.of_user(beside)
        if beside.exists():
            raise ModelError(f"{path} carries a card of its own; {beside.name} beside it would never be read.")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ModelError(f"The card of {path} can't be used ({_fault(error)}).") from None

    @classmethod
    def of_user(cls, path: Path) -> ModelCard:
        """Read a ``NAME.card.yaml``: task, input, form of the output and classes of a model from elsewhere.

        Raises:
            ModelError: the file is no YAML, or something in it is missing, unknown or wrong.
        """
        given = own_card.read(path)
        task = given.get("task")
        if task not in FORMS_OF_TASKS:
            raise ModelError(f"{path}: the task is {task!r}; wanted one of {', '.join(FORMS_OF_TASKS)}.")
        outputs = [{"name": name, "unit": unit} for name, unit in _TASK_OUTPUTS[task].items()]
        given["form"] = given.pop("output", None)
        if not isinstance(given["form"], dict):
            raise ModelError(f"{path}: 'output' is missing; wanted the form of the output, such as form: yolov8.")
        try:
            card = cls.model_validate(own_card.DEFAULTS | {"name": path.name, "outputs": outputs} | given)
        except ValidationError as error:
            raise ModelError(f"{path} can't be used ({_fault(error)}).") from None
        if task != "depth" and not card.classes:
            raise ModelError(f"{path}: 'classes' is missing; wanted their names, in the order of the output.")
        if isinstance(card.form, SsdForm):
            card.form.beside(path)
        return card


def _fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"]) or "as a whole"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
