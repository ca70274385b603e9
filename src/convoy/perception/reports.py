"""What was seen, as ROS 2 messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convoy.interfaces.messages import Header, make, message_class
from convoy.perception.boxes import Found

Detection2DArray = message_class("vision_msgs/msg/Detection2DArray")
LabelInfo = message_class("vision_msgs/msg/LabelInfo")
PointCloud2 = message_class("sensor_msgs/msg/PointCloud2")
PoseWithCovarianceStamped = message_class("geometry_msgs/msg/PoseWithCovarianceStamped")
TFMessage = message_class("tf2_msgs/msg/TFMessage")

_BoundingBox2D = message_class("vision_msgs/msg/BoundingBox2D")
_Detection2D = message_class("vision_msgs/msg/Detection2D")
_Hypothesis = message_class("vision_msgs/msg/ObjectHypothesis")
_HypothesisWithPose = message_class("vision_msgs/msg/ObjectHypothesisWithPose")
_Point = message_class("geometry_msgs/msg/Point")
_Point2D = message_class("vision_msgs/msg/Point2D")
_PointField = message_class("sensor_msgs/msg/PointField")
_Pose = message_class("geometry_msgs/msg/Pose")
_Pose2D = message_class("vision_msgs/msg/Pose2D")
_PoseWithCovariance = message_class("geometry_msgs/msg/PoseWithCovariance")
_Quaternion = message_class("geometry_msgs/msg/Quaternion")
_VisionClass = message_class("vision_msgs/msg/VisionClass")

_FLOAT32 = 7
"""sensor_msgs/PointField's number of the type."""
_NO_POSE = make(_PoseWithCovariance)


def label_info(header: Header, names: Sequence[str], threshold: float) -> Any:
    """What the numbers in a mask mean, and which classes there are, as ``vision_msgs/LabelInfo``."""
    classes = [_VisionClass(class_id=number, class_name=name) for number, name in enumerate(names)]
    return make(LabelInfo, header=header, class_map=classes, threshold=threshold)


def detections(header: Header, found: Found, names: Sequence[str], ids: Sequence[str]) -> Any:
    """Boxes in pixels of the image, the best first, as ``vision_msgs/Detection2DArray``."""
    parts = zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), ids, strict=True)
    return Detection2DArray(
        header=header,
        detections=[_detection(header, box, score, names[label], id_) for box, score, label, id_ in parts],
    )


def _detection(header: Header, box: list[float], score: float, name: str, id_: str) -> Any:
    x0, y0, x1, y1 = box
    # Not by `make`: in a busy picture there are a hundred.
    hypothesis = _HypothesisWithPose(hypothesis=_Hypothesis(class_id=name, score=score), pose=_NO_POSE)
    centre = _Pose2D(position=_Point2D(x=(x0 + x1) / 2, y=(y0 + y1) / 2), theta=0.0)
    box_ = _BoundingBox2D(center=centre, size_x=x1 - x0, size_y=y1 - y0)
    return _Detection2D(header=header, results=[hypothesis], bbox=box_, id=id_)


def corners(box: Any) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of a ``vision_msgs/BoundingBox2D`` that is not turned."""
    x, y = box.center.position.x, box.center.position.y
    return x - box.size_x / 2, y - box.size_y / 2, x + box.size_x / 2, y + box.size_y / 2


def point_cloud(header: Header, points: np.ndarray) -> Any:
    """Points (H, W, 4) float32, x y z in m and a packed colour, in their picture's order, as ``PointCloud2``."""
    height, width, _ = points.shape
    names = enumerate(("x", "y", "z", "rgb"))
    return make(
        PointCloud2,
        header=header,
        height=height,
        width=width,
        fields=[_PointField(name=name, offset=4 * at, datatype=_FLOAT32, count=1) for at, name in names],
        point_step=16,
        row_step=16 * width,
        data=np.ascontiguousarray(points).reshape(-1).view(np.uint8),
    )


def pose(header: Header, position: np.ndarray, quaternion: np.ndarray, covariance: np.ndarray) -> Any:
    """A pose, x y z and x y z w, with its (6, 6) covariance, as ``geometry_msgs/PoseWithCovarianceStamped``."""
    at = _Pose(position=_Point(*position.tolist()), orientation=_Quaternion(*quaternion.tolist()))
    return make(
        PoseWithCovarianceStamped, header=header, pose=_PoseWithCovariance(pose=at, covariance=covariance.ravel())
    )
