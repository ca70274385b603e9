"""Finds the skeletons of hands, and of a body's arms, in camera images (MediaPipe; Zhang et al. 2020)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import Field

from convoy import tracing
from convoy.errors import ConvoyError
from convoy.gestures.distance import Distances
from convoy.gestures.identity import Identities, distinct
from convoy.gestures.mediapipe_hand import body_joints, hand_joints
from convoy.graph import SENSOR_DATA, Component, ComponentParameters, ImageInput, Input, Level, Output
from convoy.interfaces.images import CameraImage
from convoy.interfaces.messages import NANOSECONDS, BodySkeleton, CameraInfo, HandSkeleton, nanoseconds
from convoy.interfaces.skeletons import body_skeleton, hand_skeleton

_MEDIAPIPE = "0.10.21"
_INSTALL = (
    f"The hand tracker needs MediaPipe {_MEDIAPIPE}, which wants NumPy below 2 and so an environment of its own: "
    "in a source tree `./convoy run hand_tracker` makes it, elsewhere `pip install -r requirements-hands.lock` in a "
    "new one does."
)
_LEFT, _RIGHT, _UNKNOWN = 1, 2, 0
_VISIBLE = 0.5
"""MediaPipe's visibility of a body's landmark, below which it is guessed."""


class HandTrackerError(ConvoyError):
    """MediaPipe is missing, or another release of it."""


class HandTracker(Component):
    """Follows up to two hands, and on demand the arms of one person.

    Subscribes to ``image`` and, where there is one, to ``camera_info`` for the focal length; publishes ``hands``, one
    message for each hand, and ``body``. Joints are in metres in the camera's optical frame, in the order of
    SHREC'17 and NATOPS; MediaPipe's metric landmarks are put at the distance from which they look as large as they do.
    A hand is left or right as the person has it, for a camera that does not mirror.
    """

    class Parameters(ComponentParameters):
        max_hands: int = Field(2, ge=0, le=2, description="hands to look for; 0 looks for none")
        body: bool = Field(False, description="look for the arms of one person, too")
        min_confidence: float = Field(0.5, ge=0.0, le=1.0, description="of a detection, below which it is none")
        horizontal_fov: float = Field(
            1.05, gt=0.1, lt=3.0, description="rad; taken until camera_info tells the focal length"
        )
        distance_time: float = Field(
            2.0, ge=0.0, le=30.0, description="s over which a hand's distance is averaged, for it jumps; 0 does not"
        )

    image = ImageInput("image")
    camera_info = Input("camera_info", CameraInfo, qos=SENSOR_DATA, latest=True)
    hands = Output("hands", HandSkeleton)
    body = Output("body", BodySkeleton)

    hand_net: Any = None
    body_net: Any = None

    def on_configure(self) -> None:
        solutions, p = _mediapipe(), self.parameters
        if p.max_hands:
            self.hand_net = solutions.hands.Hands(
                max_num_hands=p.max_hands, min_detection_confidence=p.min_confidence, min_tracking_confidence=0.5
            )
        if p.body:
            self.body_net = solutions.pose.Pose(min_detection_confidence=p.min_confidence)
        self.report("Model", Level.OK, f"MediaPipe {_MEDIAPIPE}")

    def on_cleanup(self) -> None:
        for net in (self.hand_net, self.body_net):
            if net is not None:
                net.close()
        self.hand_net = self.body_net = None

    def on_parameters(self, parameters: Any) -> None:
        raise HandTrackerError("The hand tracker reads its parameters when it is configured; configure it anew.")

    def on_activate(self) -> None:
        self.identities = Identities()
        self.distances = Distances(self.parameters.distance_time)
        self.focal: float | None = None

    def on_camera_info(self, info: Any) -> None:
        self.focal = float(info.k[0]) or None  # zero where the camera is not calibrated

    def on_image(self, image: CameraImage) -> None:
        with tracing.stage("decode"):
            pixels = np.ascontiguousarray(image.to("rgb8"))
        height, width = pixels.shape[:2]
        focal = self.focal or width / (2 * math.tan(self.parameters.horizontal_fov / 2))
        camera = np.array([focal, width, height])
        if self.hand_net is not None:
            with tracing.stage("inference"):
                found = self.hand_net.process(pixels)
            self._publish_hands(found, camera, image.header)
        if self.body_net is not None:
            with tracing.stage("inference"):
                found = self.body_net.process(pixels)
            self._publish_body(found, camera, image.header)

    def _publish_hands(self, found: Any, camera: np.ndarray, header: Any) -> None:
        if not found.multi_hand_landmarks:
            return
        hands = []
        for seen, metric, side in zip(
            found.multi_hand_landmarks, found.multi_hand_world_landmarks, found.multi_handedness, strict=True
        ):
            points = place(_array(metric), _array(seen)[:, :2], camera)
            hands.append((hand_joints(points), side.classification[0]))
        kept = distinct([joints for joints, _ in hands], [side.score for _, side in hands])
        hands = [hands[number] for number in kept]
        time = nanoseconds(header.stamp) / NANOSECONDS
        ids = self.identities.assign(time, np.stack([joints[0] for joints, _ in hands]))
        for (found_at, side), hand_id in zip(hands, ids, strict=True):
            joints = self.distances.steady(hand_id, time, found_at)
            # MediaPipe takes the image for a mirrored one.
            handedness = {"Left": _RIGHT, "Right": _LEFT}.get(side.label, _UNKNOWN)
            self.hands.publish(
                hand_skeleton(joints, header=header, id=hand_id, handedness=handedness, confidence=float(side.score))
            )

    def _publish_body(self, found: Any, camera: np.ndarray, header: Any) -> None:
        if not found.pose_landmarks:
            return
        visible = np.array([mark.visibility for mark in found.pose_landmarks.landmark])
        points = place(_array(found.pose_world_landmarks), _array(found.pose_landmarks)[:, :2], camera, visible)
        points[visible < _VISIBLE] = np.nan
        joints = body_joints(points)
        if np.isfinite(joints).any():
            self.body.publish(
                body_skeleton(joints, header=header, id=1, confidence=float(body_joints(visible[:, None]).mean()))
            )


def place(metric: np.ndarray, seen: np.ndarray, camera: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return where metric landmarks are in the camera's optical frame, given where they are seen.

    `metric`, shape (N, 3), is in metres about an origin of its own, along the axes of the camera; `seen`, shape (N, 2),
    is in shares of the image's width and height; `camera` is focal length, width and height in pixels. The shift that
    brings the one onto the other is the solution of linear equations, two for each landmark.
    """
    focal, width, height = camera
    u, v = (seen[:, 0] - 0.5) * width, (seen[:, 1] - 0.5) * height
    zero, one = np.zeros(len(u)), np.full(len(u), focal)
    left = np.concatenate([np.stack([one, zero, -u], 1), np.stack([zero, one, -v], 1)])
    right = np.concatenate([u * metric[:, 2] - focal * metric[:, 0], v * metric[:, 2] - focal * metric[:, 1]])
    scale = np.tile(np.ones(len(u)) if weights is None else weights, 2)
    shift, *_ = np.linalg.lstsq(left * scale[:, None], right * scale, rcond=None)
    return (metric + shift).astype(np.float32)


def _array(landmarks: Any) -> np.ndarray:
    return np.array([(mark.x, mark.y, mark.z) for mark in landmarks.landmark])


def _mediapipe() -> Any:
    try:
        import mediapipe  # type: ignore[import-not-found]
    except ImportError:
        raise HandTrackerError(_INSTALL) from None
    if mediapipe.__version__ != _MEDIAPIPE:
        raise HandTrackerError(f"Found MediaPipe {mediapipe.__version__}. {_INSTALL}")
    return mediapipe.solutions
