"""What is there, what every pixel is part of, how far it is, and in a map where the robot is: by one inference."""

from __future__ import annotations

import numpy as np

from convoy.perception.depth import DepthEstimator
from convoy.perception.detection import Detector
from convoy.perception.image_model import Seen
from convoy.perception.relocalisation import Relocaliser
from convoy.perception.segmentation import Segmenter


class SharedPerception(Detector, Segmenter, DepthEstimator, Relocaliser):
    """Does what Detector, Segmenter and DepthEstimator do, by one network with one encoder.

    Subscribes to ``image`` and ``camera_info``; publishes ``detections``, ``segmentation``, ``label_info`` (of both),
    ``depth/image``, ``depth/camera_info``, ``depth/points`` and ``overlay``, the image in the colours of the classes
    with the boxes. Heads of the network that nobody listens to are not run. A model of a map, as the net ``mapped``
    becomes one, publishes ``pose`` as well, as `Relocaliser` does; others never publish it.
    """

    TASK = "perception"

    class Parameters(Detector.Parameters, Segmenter.Parameters, DepthEstimator.Parameters, Relocaliser.Parameters):
        pass

    def needed(self) -> set[str]:
        drawn = {"boxes", "scores", "mask"} if self.overlay.wanted else set()
        boxes = {"boxes", "scores"} if self.detections.wanted else set()
        mask = {"mask"} if self.mask.wanted else set()
        depth = {"depth"} if self.is_depth_wanted else set()
        return drawn | boxes | mask | depth | Relocaliser.needed(self)

    def answer(self, seen: Seen) -> None:
        if "boxes" in seen.outputs:
            self.publish_detections(seen)
        if "mask" in seen.outputs:
            self.publish_mask(seen)
        if "depth" in seen.outputs:
            self.publish_depth(seen)
        if "pose" in seen.outputs:
            self.publish_pose(seen)
        self.publish_overlay(seen)

    def draw(self, picture: np.ndarray, seen: Seen) -> None:
        Segmenter.draw(self, picture, seen)
        Detector.draw(self, picture, seen)
