"""What components that answer camera images by a model share: rate, colours, the model's run, and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import Field

from convoy import tracing
from convoy.errors import ConvoyError, nearest
from convoy.graph import LATCHED, ImageInput, Output, State
from convoy.inference import Fit, ModelCard
from convoy.inference.component import ModelComponent
from convoy.interfaces.images import CameraImage, encode
from convoy.interfaces.messages import NANOSECONDS, Header, Image, make, nanoseconds, time
from convoy.perception import reports
from convoy.perception.drawing import colour_table, palette

_EARLY = 0.1
"""Part of a period by which an image may come early: a camera's stamps are not quite even."""


class PerceptionError(ConvoyError):
    """A model's results, or what is asked of it, make no sense."""


@dataclass(eq=False)
class Seen:
    """One image, and what the model says of it.

    Attributes:
        image: as it came.
        pixels: (H, W, 3) uint8 in the order of the model's colours, read-only.
        outputs: of the model, in its input's pixels.
        fit: how they are brought back to the image's.
        results: what has been made of them for one topic and serves others as well, by name.
    """

    image: CameraImage
    pixels: np.ndarray
    outputs: dict[str, np.ndarray]
    fit: Fit
    results: dict[str, Any] = field(default_factory=dict)

    def output(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """Return one output, which must be finite and of the shape; None is any length.

        Raises:
            PerceptionError: it is not.
        """
        values = self.outputs[name]
        fits = len(values.shape) == len(shape) and all(
            wanted in (None, length) for length, wanted in zip(values.shape, shape, strict=True)
        )
        if not fits:
            raise PerceptionError(f"the model gave {name!r} of shape {values.shape}, not {shape}")
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise PerceptionError(f"the model gave values in {name!r} that are not finite")
        return values

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the model's input."""
        return self.fit.target[1], self.fit.target[0]


class ImageModel(ModelComponent):
    """Base of the components that answer images by a model; `needed` and `answer` make one of it."""

    class Parameters(ModelComponent.Parameters):
        max_rate: float = Field(
            0.0, ge=0.0, le=1000.0, description="Hz, by the stamps of the images; 0.0 takes every image"
        )

    image = ImageInput("image")

    taken: int | None = None
    """Stamp of the last image that was answered, in nanoseconds."""

    def needed(self) -> set[str]:
        """Return the outputs of the model that somebody listens to, in whatever form."""
        raise NotImplementedError

    def answer(self, seen: Seen) -> None:
        """Publish what follows from the model's outputs."""
        raise NotImplementedError

    def check_model(self, card: ModelCard) -> None:
        if card.camera.view is not None:
            raise PerceptionError(
                f"{card.name} takes {card.input.describe()}; wanted a model of the camera's image as it is, "
                "whose results lie in its pixels."
            )

    def on_activate(self) -> None:
        self.taken = None

    def on_image(self, image: CameraImage) -> None:
        stamp, needed = nanoseconds(image.header.stamp), self.needed()
        if not needed or not self._is_due(stamp):
            return
        self.taken = stamp
        camera = self.loaded.card.camera
        with tracing.stage("decode"):
            pixels = image.to(camera.colour)
        outputs = self.loaded.run(pixels, needed)
        with tracing.stage("results"):
            self.answer(Seen(image, pixels, outputs, camera.fit(image.width, image.height)))

    def _is_due(self, stamp: int) -> bool:
        rate = self.parameters.max_rate
        if not rate or self.taken is None:
            return True
        return not 0 <= stamp - self.taken < (1 - _EARLY) * NANOSECONDS / rate


class DrawnModel(ImageModel):
    """Base of those whose results can be drawn into the image; `draw` does."""

    overlay = Output("overlay", Image)

    def draw(self, picture: np.ndarray, seen: Seen) -> None:
        """Draw the results into a copy of the image, (H, W, 3) in the order of the model's colours."""
        raise NotImplementedError

    def publish_overlay(self, seen: Seen) -> None:
        """Publish the image with the results drawn into it, if anybody listens."""
        if not self.overlay.wanted:
            return
        with tracing.stage("overlay"):
            picture = seen.pixels.copy()
            self.draw(picture, seen)
            self.overlay.publish(encode(picture, self.loaded.card.camera.colour, seen.image.header))


class LabelledModel(DrawnModel):
    """Base of those that name classes: says which there are on ``label_info``, and reports some of them only."""

    class Parameters(DrawnModel.Parameters):
        classes: tuple[str, ...] = Field((), description="names of the classes that are reported; all where empty")

    labels = Output("label_info", reports.LabelInfo, qos=LATCHED)

    names: tuple[str, ...] = ()
    colours: np.ndarray
    """(256, 1, 3): a colour for each class, in the order of the model's."""

    def check_model(self, card: ModelCard) -> None:
        super().check_model(card)
        if not 0 < len(card.classes) < 255:
            raise PerceptionError(f"{card.name} names {len(card.classes)} classes; wanted 1 to 254.")
        self._check_classes(card, self.parameters.classes)

    def on_configure(self) -> None:
        super().on_configure()
        card = self.loaded.card
        self.names = card.classes
        self.colours = colour_table(card.palette or palette(len(self.names)), card.camera.colour)

    def on_activate(self) -> None:
        super().on_activate()
        self._publish_labels(_threshold(self.parameters))

    def on_parameters(self, parameters: Any) -> None:
        super().on_parameters(parameters)
        self._check_classes(self.loaded.card, parameters.classes)
        threshold = _threshold(parameters)
        if self.state is State.ACTIVE and threshold != _threshold(self.parameters):
            self._publish_labels(threshold)

    def is_reported(self) -> np.ndarray | None:
        """Return for each class whether it is reported; None where all are."""
        if not self.parameters.classes:
            return None
        return np.array([name in self.parameters.classes for name in self.names])

    def _publish_labels(self, threshold: float) -> None:
        header = make(Header, stamp=time(self.now()))
        self.labels.publish(reports.label_info(header, self.names, threshold))

    @staticmethod
    def _check_classes(card: ModelCard, classes: tuple[str, ...]) -> None:
        for name in classes:
            if name not in card.classes:
                raise PerceptionError(
                    f"{card.name} knows no class {name!r}; nearest first: {', '.join(nearest(name, card.classes))}."
                )


def _threshold(parameters: Any) -> float:
    """Probability below which a class is not reported; of those that know none, 0."""
    return getattr(parameters, "min_score", 0.0)
