"""What the simulator knows, as ROS 2 messages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from convoy.graph import Level
from convoy.interfaces.messages import (
    CameraInfo,
    DiagnosticArray,
    DiagnosticStatus,
    Header,
    KeyValue,
    make,
    message_class,
)
from convoy_sim.cameras import CameraInfo as Calibration
from convoy_sim.classes import CLASSES
from convoy_sim.curve import Floats
from convoy_sim.frame import Box
from convoy_sim.odometry import DeadReckoning
from convoy_sim.world import Event, State

Detection2DArray = message_class("vision_msgs/msg/Detection2DArray")
LabelInfo = message_class("vision_msgs/msg/LabelInfo")
Odometry = message_class("nav_msgs/msg/Odometry")
PoseStamped = message_class("geometry_msgs/msg/PoseStamped")
TFMessage = message_class("tf2_msgs/msg/TFMessage")

_BoundingBox2D = message_class("vision_msgs/msg/BoundingBox2D")
_Detection2D = message_class("vision_msgs/msg/Detection2D")
_Hypothesis = message_class("vision_msgs/msg/ObjectHypothesis")
_HypothesisWithPose = message_class("vision_msgs/msg/ObjectHypothesisWithPose")
_Point = message_class("geometry_msgs/msg/Point")
_Point2D = message_class("vision_msgs/msg/Point2D")
_Pose = message_class("geometry_msgs/msg/Pose")
_Pose2D = message_class("vision_msgs/msg/Pose2D")
_PoseWithCovariance = message_class("geometry_msgs/msg/PoseWithCovariance")
_Quaternion = message_class("geometry_msgs/msg/Quaternion")
_Transform = message_class("geometry_msgs/msg/Transform")
_TransformStamped = message_class("geometry_msgs/msg/TransformStamped")
_Twist = message_class("geometry_msgs/msg/Twist")
_TwistWithCovariance = message_class("geometry_msgs/msg/TwistWithCovariance")
_Vector3 = message_class("geometry_msgs/msg/Vector3")
_VisionClass = message_class("vision_msgs/msg/VisionClass")

_VARIANCE = 0.01
"""Variance that odometry claims for its place, and as rad^2 for its heading."""


def camera_info(calibration: Calibration, header: Header) -> Any:
    """A camera's calibration as ``sensor_msgs/CameraInfo``."""
    arrays = {name: np.array(getattr(calibration, name)) for name in ("d", "k", "r", "p")}
    return make(
        CameraInfo,
        header=header,
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.distortion_model,
        **arrays,
    )


def pose(header: Header, x: float, y: float, heading: float) -> Any:
    """A pose on the ground as ``geometry_msgs/PoseStamped``."""
    return make(PoseStamped, header=header, pose=_pose(x, y, heading))


def odometry(header: Header, reckoned: DeadReckoning) -> Any:
    """Dead reckoning as ``nav_msgs/Odometry``; the twist is that of ``base_link``."""
    twist = make(_Twist, linear=make(_Vector3, x=reckoned.speed), angular=make(_Vector3, z=reckoned.yaw_rate))
    covariance = np.diag(np.full(6, _VARIANCE)).ravel()
    return make(
        Odometry,
        header=header,
        child_frame_id="base_link",
        pose=make(_PoseWithCovariance, pose=_pose(reckoned.x, reckoned.y, reckoned.heading), covariance=covariance),
        twist=make(_TwistWithCovariance, twist=twist, covariance=covariance),
    )


def ground_transform(header: Header, child: str, x: float, y: float, heading: float) -> Any:
    """Where a frame is on the ground of another one, as ``geometry_msgs/TransformStamped``."""
    translation, rotation = make(_Vector3, x=x, y=y), _turned(heading)
    transform = make(_Transform, translation=translation, rotation=rotation)
    return make(_TransformStamped, header=header, child_frame_id=child, transform=transform)


def mounting_transform(header: Header, child: str, mounted: Floats) -> Any:
    """Where a camera sits on the vehicle, a (4, 4) pose, as ``geometry_msgs/TransformStamped``."""
    x, y, z = (float(v) for v in mounted[:3, 3])
    transform = make(_Transform, translation=make(_Vector3, x=x, y=y, z=z), rotation=_quaternion(mounted[:3, :3]))
    return make(_TransformStamped, header=header, child_frame_id=child, transform=transform)


def detections(header: Header, boxes: Iterable[Box]) -> Any:
    """The boxes of all that is seen as ``vision_msgs/Detection2DArray``; ``id`` is the number in the instance mask."""
    return make(Detection2DArray, header=header, detections=[_detection(header, box) for box in boxes])


def label_info(header: Header) -> Any:
    """What the numbers in the class mask mean, as ``vision_msgs/LabelInfo``."""
    classes = [make(_VisionClass, class_id=int(entry.id), class_name=entry.name) for entry in CLASSES]
    return make(LabelInfo, header=header, class_map=classes, threshold=0.5)


def events(header: Header, node: str, happened: Iterable[Event], state: State) -> Any:
    """What went wrong in one step, as ``diagnostic_msgs/DiagnosticArray``: ERROR for what is an intervention."""
    values = {"x": state.x, "y": state.y, "s": state.s, "lateral": state.lateral}
    return make(
        DiagnosticArray,
        header=header,
        status=[
            make(
                DiagnosticStatus,
                level=int(Level.ERROR if event.intervention else Level.WARN),
                name=f"{node}: {event.kind}",
                message=event.what,
                values=[KeyValue(key=key, value=f"{value:.3f}") for key, value in values.items()],
            )
            for event in happened
        ],
    )


def _detection(header: Header, box: Box) -> Any:
    centre = make(_Point2D, x=box.x + box.width / 2, y=box.y + box.height / 2)
    hypothesis = make(_Hypothesis, class_id=CLASSES[box.label].name, score=1.0)
    return make(
        _Detection2D,
        header=header,
        results=[make(_HypothesisWithPose, hypothesis=hypothesis)],
        bbox=make(
            _BoundingBox2D, center=make(_Pose2D, position=centre), size_x=float(box.width), size_y=float(box.height)
        ),
        id=str(box.instance),
    )


def _pose(x: float, y: float, heading: float) -> Any:
    return make(_Pose, position=make(_Point, x=x, y=y), orientation=_turned(heading))


def _turned(heading: float) -> Any:
    return make(_Quaternion, z=math.sin(heading / 2), w=math.cos(heading / 2))


def _quaternion(rotation: Floats) -> Any:
    """Of a rotation matrix (Shepperd's method, by the largest of the four)."""
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    squares = [1 + a + e + i, 1 + a - e - i, 1 - a + e - i, 1 - a - e + i]
    at = int(np.argmax(squares))
    w, x, y, z = (
        (squares[0], h - f, c - g, d - b),
        (h - f, squares[1], b + d, c + g),
        (c - g, b + d, squares[2], f + h),
        (d - b, c + g, f + h, squares[3]),
    )[at]
    length = math.sqrt(w * w + x * x + y * y + z * z)
    return make(_Quaternion, x=x / length, y=y / length, z=z / length, w=w / length)
