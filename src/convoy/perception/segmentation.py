"""What every pixel is part of."""

from __future__ import annotations

import numpy as np

from convoy.graph import Output
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Image
from convoy.perception.drawing import draw_mask
from convoy.perception.image_model import LabelledModel, Seen

UNLABELLED = 255


class Segmenter(LabelledModel):
    """Labels every pixel of each camera image with a class.

    Subscribes to ``image``; publishes ``segmentation`` (mono8 of the image's size, with its header; 255 is no class),
    ``label_info`` (latched), which says what the numbers mean, and ``overlay``, the image in the classes' colours.
    Classes that are not reported are unlabelled. What nobody listens to is not made.
    """

    TASK = "segmentation"

    mask = Output("segmentation", Image)

    def needed(self) -> set[str]:
        return {"mask"} if self.mask.wanted or self.overlay.wanted else set()

    def answer(self, seen: Seen) -> None:
        self.publish_mask(seen)
        self.publish_overlay(seen)

    def publish_mask(self, seen: Seen) -> None:
        """Bring the mask to the image's size, and publish it if anybody listens."""
        mask = seen.output("mask", seen.input_shape)
        reported = self.is_reported()
        if reported is not None:
            table = np.full(256, UNLABELLED, np.uint8)
            table[: len(reported)][reported] = np.flatnonzero(reported)
            mask = table[mask]
        seen.results["mask"] = mask = seen.fit.mask_back(mask)
        if self.mask.wanted:
            self.mask.publish(encode(mask, "mono8", seen.image.header))

    def draw(self, picture: np.ndarray, seen: Seen) -> None:
        draw_mask(picture, seen.results["mask"], self.colours)
