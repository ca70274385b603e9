"""What is there, and where: boxes around things."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from convoy.graph import Output
from convoy.perception import reports
from convoy.perception.boxes import Found, select
from convoy.perception.drawing import draw_boxes
from convoy.perception.image_model import LabelledModel, Seen


class Detector(LabelledModel):
    """Finds things in each camera image, and names them.

    Subscribes to ``image``; publishes ``detections`` (vision_msgs/Detection2DArray: boxes in the image's pixels, the
    best first, class by name, with the image's header), ``label_info`` (latched) and ``overlay``, the image with the
    boxes drawn into it. An image in which nothing is found gives an empty array. What nobody listens to is not made.
    """

    TASK = "detection"

    class Parameters(LabelledModel.Parameters):
        min_score: float = Field(0.3, ge=0.0, le=1.0, description="probability below which it is nothing")
        max_iou: float = Field(
            0.5, ge=0.0, le=1.0, description="overlap of two boxes of a class (intersection over union) that may stay"
        )
        max_detections: int = Field(100, ge=1, le=1000, description="in one image, the best")

    detections = Output("detections", reports.Detection2DArray)

    def needed(self) -> set[str]:
        return {"boxes", "scores"} if self.detections.wanted or self.overlay.wanted else set()

    def answer(self, seen: Seen) -> None:
        self.publish_detections(seen)
        self.publish_overlay(seen)

    def publish_detections(self, seen: Seen) -> None:
        """Find what is there, and publish it if anybody listens."""
        found = seen.results["found"] = self.find(seen)
        if self.detections.wanted:
            self.detections.publish(reports.detections(seen.image.header, found, self.names, self.ids(found)))

    def ids(self, found: Found) -> list[str]:
        """What tells one detection from the other; nothing here, see `Tracker`."""
        return [""] * len(found)

    def find(self, seen: Seen) -> Found:
        """Choose from the model's boxes, and bring them to the image.

        Raises:
            PerceptionError: they make no sense.
        """
        card = self.loaded.card
        boxes = seen.output("boxes", (None, 4))
        scores = seen.output("scores", (len(boxes), len(card.boxed_classes)))
        columns = np.array(card.boxed or range(len(card.classes)))
        reported = self.is_reported()
        if reported is not None:
            scores, columns = scores[:, reported[columns]], columns[reported[columns]]
        limits = self.parameters
        found = select(boxes, scores, limits.min_score, limits.max_iou, limits.max_detections)
        at_home = seen.fit.boxes_back(found.boxes)
        whole = (at_home[:, 2] > at_home[:, 0]) & (at_home[:, 3] > at_home[:, 1])  # the others lie in the padding
        return Found(at_home[whole], found.scores[whole], columns[found.labels[whole]], found.rows[whole])

    def draw(self, picture: np.ndarray, seen: Seen) -> None:
        draw_boxes(picture, seen.results["found"], self.names, self.colours)
