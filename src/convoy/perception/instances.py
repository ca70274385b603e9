"""What is there, where, and which pixels are its own."""

from __future__ import annotations

import cv2
import numpy as np

from convoy.graph import Output
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Image
from convoy.perception.boxes import Found
from convoy.perception.detection import Detector
from convoy.perception.drawing import draw_boxes, draw_mask
from convoy.perception.image_model import PerceptionError, Seen


class InstanceSegmenter(Detector):
    """Finds things in each camera image, names them, and says which pixels belong to each.

    As the Detector, and beside it ``instances``: 16UC1 of the image's size, in which every thing has a number, 0 where
    there is none. It is the ``id`` of the thing in ``detections``. Where things cover each other, the better one is
    seen.
    """

    TASK = "instances"

    instances = Output("instances", Image)

    def needed(self) -> set[str]:
        masks = {"masks"} if self.instances.wanted or self.overlay.wanted else set()
        return super().needed() | masks | ({"boxes", "scores"} if masks else set())

    def answer(self, seen: Seen) -> None:
        self.publish_detections(seen)
        if "masks" in seen.outputs:
            numbers = seen.results["instances"] = self._paint(seen, seen.results["found"])
            if self.instances.wanted:
                self.instances.publish(encode(numbers, "16UC1", seen.image.header))
        self.publish_overlay(seen)

    def ids(self, found: Found) -> list[str]:
        return [str(number) for number in range(1, len(found) + 1)]

    def _paint(self, seen: Seen, found: Found) -> np.ndarray:
        masks = seen.output("masks", (len(seen.outputs["boxes"]), None, None))
        if not masks.shape[1] * masks.shape[2]:
            raise PerceptionError(f"the model gave masks of shape {masks.shape}")
        numbers = np.zeros((seen.image.height, seen.image.width), np.uint16)
        # The whole box is where the mask is, even the part that is cut off at the image's edge.
        boxes = _uncut(seen, found)
        for number in range(len(found), 0, -1):
            paint(numbers, masks[found.rows[number - 1]], boxes[number - 1], number)
        return numbers

    def draw(self, picture: np.ndarray, seen: Seen) -> None:
        found = seen.results["found"]
        classes = np.zeros(len(found) + 1, np.uint8)
        classes[1:] = found.labels
        numbers = seen.results["instances"]
        shown = picture.copy()
        draw_mask(shown, classes[numbers], self.colours)
        np.copyto(picture, shown, where=(numbers > 0)[..., None])
        draw_boxes(picture, found, self.names, self.colours)


def _uncut(seen: Seen, found: Found) -> np.ndarray:
    """Boxes in the image's pixels that may reach beyond its edges."""
    x, y = seen.fit.scale
    offset = np.array([seen.fit.left, seen.fit.top] * 2)
    return (seen.outputs["boxes"][found.rows] - offset) / np.array([x, y, x, y])


def paint(numbers: np.ndarray, mask: np.ndarray, box: np.ndarray, number: int) -> None:
    """Write a number where the mask (h, w) of probabilities, spread over the box, is above a half."""
    height, width = numbers.shape
    x0, y0, x1, y1 = box.tolist()
    # Pixels whose middle lies in the box.
    left, right = max(0, int(np.ceil(x0 - 0.5))), min(width, int(np.ceil(x1 - 0.5)))
    top, bottom = max(0, int(np.ceil(y0 - 0.5))), min(height, int(np.ceil(y1 - 0.5)))
    if left >= right or top >= bottom:
        return
    rows, columns = mask.shape
    u = ((np.arange(left, right) + 0.5 - x0) / (x1 - x0) * columns - 0.5).astype(np.float32)
    v = ((np.arange(top, bottom) + 0.5 - y0) / (y1 - y0) * rows - 0.5).astype(np.float32)
    map_x, map_y = np.broadcast_to(u, (len(v), len(u))), np.broadcast_to(v[:, None], (len(v), len(u)))
    spread = cv2.remap(
        np.ascontiguousarray(mask, np.float32),
        np.ascontiguousarray(map_x),
        np.ascontiguousarray(map_y),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    numbers[top:bottom, left:right][spread > 0.5] = number
