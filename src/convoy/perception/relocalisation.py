"""Where am I? The camera's pose in a known map, from one image (Kendall et al. 2015, "PoseNet")."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import Field

from convoy.graph import LATCHED, Input, Level, Output
from convoy.interfaces.messages import Header, make
from convoy.perception import reports
from convoy.perception.image_model import ImageModel, PerceptionError, Seen
from convoy.perception.mounting import StaticFrames, quaternion, rotation

MAP = "map"


class Relocaliser(ImageModel):
    """Tells the robot's pose in the map that its model was trained on, from each camera image by itself.

    Subscribes to ``image`` and ``tf_static``; publishes ``pose`` (PoseWithCovarianceStamped in ``map``, with the stamp
    of the image), of `base_frame`: the camera's pose, moved by what ``tf_static`` says of its mounting. The covariance
    is the model's own. Remap ``pose`` to ``/initialpose`` to set nav2's AMCL going.

    A picture that is not of the map gives a pose all the same, and mostly one of which the model is unsure: where it
    hesitates among more landmarks of its map than `max_places` (a model's optional output ``places``), its deviation
    exceeds the limits, or the pose lies outside the trained area, nothing is published, and ``/diagnostics`` says why.
    """

    TASK = "relocalisation"

    class Parameters(ImageModel.Parameters):
        max_deviation: float = Field(
            5.0, gt=0.0, le=1000.0, description="m, standard deviation above which it is unsure"
        )
        max_turn_deviation: float = Field(0.35, gt=0.0, le=math.pi, description="rad, likewise of the direction")
        max_places: float = Field(
            12.0, gt=0.0, le=1e6, description="landmarks among which the model may hesitate; more are another map"
        )
        base_frame: str = Field("base_link", description="whose pose is told; the camera's own where empty")

    tf_static = Input("tf_static", reports.TFMessage, qos=LATCHED)
    pose = Output("pose", reports.PoseWithCovarianceStamped)

    frames: StaticFrames

    def needed(self) -> set[str]:
        return {"pose", "deviation", "places"} if self.pose.wanted and self.loaded.card.gives("pose") else set()

    def on_activate(self) -> None:
        super().on_activate()
        self.frames = StaticFrames()
        if self.loaded.card.gives("pose"):
            self.report("Relocalisation", Level.OK, "no image yet")

    def on_tf_static(self, message: Any) -> None:
        self.frames.add(message)

    def answer(self, seen: Seen) -> None:
        self.publish_pose(seen)

    def publish_pose(self, seen: Seen) -> None:
        """Publish the pose of the base, if the model is sure of it.

        Raises:
            PerceptionError: the model gave no rotation.
        """
        mounted = self._mounting(seen.image.header.frame_id)
        if mounted is None:
            return
        told = seen.output("pose", (7,)).astype(np.float64)
        deviation = seen.output("deviation", (6,)).astype(np.float64)
        if not np.linalg.norm(told[3:]):
            raise PerceptionError("the model gave a quaternion of length 0")
        places = float(seen.output("places", (1,))[0]) if "places" in seen.outputs else 0.0
        if self._is_unsure(told[:3], deviation, places):
            return
        turned = rotation(told[3:])
        base = np.linalg.inv(mounted)
        arm = turned @ base[:3, 3]
        header = make(Header, stamp=seen.image.header.stamp, frame_id=MAP)
        covariance = _moved(np.diag(deviation**2), arm)
        self.pose.publish(reports.pose(header, told[:3] + arm, quaternion(turned @ base[:3, :3]), covariance))
        self.report("Relocalisation", Level.OK, "localised", deviation=f"{np.linalg.norm(deviation[:3]):.2f} m")

    def _mounting(self, frame: str) -> np.ndarray | None:
        """Pose of the camera in the base's frame."""
        base = self.parameters.base_frame
        if not base:
            return np.eye(4)
        pose = self.frames.pose(frame, base)
        if pose is None:
            self.report(
                "Relocalisation",
                Level.WARN,
                f"tf_static has not told yet where {frame or 'the camera'} is on {base}; no pose until then",
            )
        return pose

    def _is_unsure(self, position: np.ndarray, deviation: np.ndarray, places: float) -> bool:
        limits, bounds = self.parameters, self.loaded.card.bounds
        away, turned = float(np.linalg.norm(deviation[:3])), float(np.linalg.norm(deviation[3:]))
        if places > limits.max_places:
            said = f"not sure: it may be at any of {places:.0f} landmarks"
        elif away > limits.max_deviation or turned > limits.max_turn_deviation:
            said = f"not sure: deviation {away:.2f} m, {math.degrees(turned):.0f} degrees"
        elif bounds is not None and ((position < bounds[:3]) | (position > bounds[3:])).any():
            said = f"outside of the trained area: {', '.join(f'{value:.1f}' for value in position)} m"
        else:
            return False
        self.report("Relocalisation", Level.WARN, f"{said}; is this the map of the model?")
        return True


def _moved(covariance: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Covariance (6, 6) of a place at the end of an arm (3,), which an error of direction swings."""
    x, y, z = arm
    jacobian = np.eye(6)
    jacobian[:3, 3:] = [(0, z, -y), (-z, 0, x), (y, -x, 0)]
    return np.asarray(jacobian @ covariance @ jacobian.T)
