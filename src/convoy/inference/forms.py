"""The forms in which the world's networks give their results, brought to what convoy's own networks give.

A model that convoy made needs none of this: its decoding is inside the graph. See docs/own_models.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import Field

from convoy.inference.box_forms import BoxesForm, FcosForm, GridForm, SsdForm, YoloForm
from convoy.inference.errors import ModelError
from convoy.inference.part import Part

Arrays = Mapping[str, np.ndarray]


class ClassMapForm(Part):
    """A class for each pixel: scores of the classes, (1, C, h, w), or their numbers, (1, h, w)."""

    form: Literal["class_map"]
    output: str = Field(description="name of the graph's output")
    first_class: int = Field(default=0, description="number of the first of `classes`")

    @property
    def names(self) -> list[str]:
        return [self.output]

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``mask``, (height, width) uint8: numbers of `classes`, 255 for what is none of them."""
        values = raw[self.output]
        if values.ndim == 4 and values.shape[1] > 1:
            numbers = _best(values[0], width, height)
        elif np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.bool_):
            numbers = np.squeeze(values).astype(np.int64)
        else:
            raise ModelError(
                f"Output {self.output!r} is {values.dtype} of shape {values.shape}; a class_map is (1, C, h, w) with C "
                "scores, or whole numbers of classes, (1, h, w)."
            )
        if numbers.ndim != 2:
            raise ModelError(f"Output {self.output!r} has shape {values.shape}, which is no map of classes.")
        numbers = numbers - self.first_class
        mask: np.ndarray = np.where((numbers >= 0) & (numbers < classes), numbers, 255).astype(np.uint8)
        if mask.shape != (height, width):
            mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        return {"mask": mask}


class DepthForm(Part):
    """A number for each pixel from which its distance along the optical axis follows."""

    form: Literal["depth"]
    output: str = Field(description="name of the graph's output, (1, 1, h, w) or (1, h, w)")
    quantity: Literal["depth", "inverse"] = Field(
        default="depth", description="'inverse' where more is nearer: disparity, inverse depth"
    )
    scale: float = Field(default=1.0, description="m per unit, or 1/m per unit: distance or its inverse, with shift")
    shift: float = Field(default=0.0, description="m or 1/m, added to the scaled value")

    @property
    def names(self) -> list[str]:
        return [self.output]

    def decode(self, raw: Arrays, width: int, height: int, classes: int) -> dict[str, np.ndarray]:
        """Return ``depth``, (height, width) float32 in m; 0 where there is none."""
        values: np.ndarray = np.squeeze(raw[self.output]).astype(np.float32, copy=False)
        if values.ndim != 2:
            raise ModelError(f"Output {self.output!r} has shape {raw[self.output].shape}, which is no map of depth.")
        values = values * np.float32(self.scale) + np.float32(self.shift)
        if self.quantity == "inverse":
            values = np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
        if values.shape != (height, width):
            values = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
        return {"depth": np.maximum(values, 0)}


Form = Annotated[
    BoxesForm | YoloForm | SsdForm | FcosForm | GridForm | ClassMapForm | DepthForm, Field(discriminator="form")
]

FORMS_OF_TASKS: dict[str, tuple[type[Part], ...]] = {
    "detection": (BoxesForm, YoloForm, SsdForm, FcosForm, GridForm),
    "segmentation": (ClassMapForm,),
    "depth": (DepthForm,),
}
"""Which forms a task's results may have."""


def _best(scores: np.ndarray, width: int, height: int) -> np.ndarray:
    """The best class of each pixel, of scores (C, h, w) that are interpolated to the size first."""
    if scores.shape[1:] != (height, width):
        planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in scores]
        scores = np.stack(planes)
    return scores.argmax(axis=0)
