"""The relocaliser: the robot's pose in the map, with what is not known of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.perception import painted
from tests.perception.painted import STAMP, picture

from convoy.graph import Level, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.messages import Header, make, message_class, time
from convoy.perception.mounting import StaticFrames, quaternion, rotation
from convoy.perception.relocalisation import Relocaliser
from convoy.perception.reports import TFMessage

Active = Callable[..., Bench]
TransformStamped, Transform = (message_class(f"geometry_msgs/msg/{name}") for name in ("TransformStamped", "Transform"))
Vector3, Quaternion = (message_class(f"geometry_msgs/msg/{name}") for name in ("Vector3", "Quaternion"))
OPTICAL = (-0.5, 0.5, -0.5, 0.5)
"""Of an optical frame that looks ahead, in a frame with x ahead, y left and z up."""


def placed(child: str, parent: str, at: tuple[float, ...], turned: tuple[float, ...] = (0, 0, 0, 1)) -> Any:
    transform = make(Transform, translation=make(Vector3, **dict(zip("xyz", at, strict=True))))
    transform.rotation = make(Quaternion, **dict(zip("xyzw", turned, strict=True)))
    stamped = make(TransformStamped, header=make(Header, frame_id=parent), child_frame_id=child, transform=transform)
    return make(TFMessage, transforms=[stamped])


def view(red: int = 30, green: int = 20, blue: int = 1) -> Any:
    """A picture by which the painted model is at x = red, y = green, with a deviation of blue."""
    return picture(np.full((60, 80, 3), (red, green, blue), np.uint8))


def test_without_a_base_it_is_the_cameras_pose(active: Active) -> None:
    bench = active(Relocaliser, base_frame="")
    bench.deliver("image", view())
    (message,) = bench.results("pose")
    assert (message.header.stamp, message.header.frame_id) == (time(STAMP), "map")
    at = message.pose.pose.position
    assert (at.x, at.y, at.z) == pytest.approx((30, 20, 0))
    turned = message.pose.pose.orientation
    assert [turned.x, turned.y, turned.z, turned.w] == pytest.approx([0, 0, 0, 1]), "of length 1, as the model's is not"
    covariance = message.pose.covariance.reshape(6, 6)
    assert np.diag(covariance) == pytest.approx([1, 1, 1, 0.01, 0.01, 0.01], rel=1e-5)


def test_the_pose_of_the_base_is_the_cameras_moved_by_its_mounting(active: Active) -> None:
    """The camera looks along the map's z, its y down the map's y; it sits 2 m ahead of the base and 1 m above it."""
    bench = active(Relocaliser)
    bench.deliver("tf_static", placed("mast", "base_link", (2.0, 0.0, 1.0)))
    bench.deliver("tf_static", placed("camera", "mast", (0.0, 0.0, 0.0), OPTICAL))
    bench.deliver("image", view())
    (message,) = bench.results("pose")
    at = message.pose.pose.position
    # Of the camera's axes, ahead is z and up is -y: the base is 2 m behind and 1 m below.
    assert (at.x, at.y, at.z) == pytest.approx((30, 20 + 1, -2))
    turned = message.pose.pose.orientation
    ahead = rotation(np.array([turned.x, turned.y, turned.z, turned.w]))[:, 0]
    assert ahead == pytest.approx([0, 0, 1])
    covariance = message.pose.covariance.reshape(6, 6)
    # An error of direction about the map's x swings both arms: 1 + 0.01 * (1 + 4) of y and z together.
    assert covariance[1, 1] + covariance[2, 2] == pytest.approx(2 + 0.01 * 5, rel=1e-4)
    assert np.allclose(covariance, covariance.T)


def test_until_the_mounting_is_known_there_is_no_pose(active: Active) -> None:
    bench = active(Relocaliser)
    bench.deliver("image", view())
    bench.deliver("tf_static", placed("lidar", "base_link", (0.0, 0.0, 1.0)))
    bench.deliver("image", view())
    assert bench.results("pose") == []
    assert "has not told yet where camera is on base_link" in bench.reported("Relocalisation", Level.WARN)[0]


def test_it_refuses_what_may_be_anywhere_in_the_map(active: Active) -> None:
    bench = active(Relocaliser, base_frame="", max_deviation=100.0)
    bench.deliver("image", view(blue=11))
    bench.deliver("image", view(blue=12))
    assert len(bench.results("pose")) == 1
    (said,) = bench.reported("Relocalisation", Level.WARN)
    assert said == "not sure: it may be at any of 13 landmarks; is this the map of the model?"


def test_it_refuses_what_the_model_is_not_sure_of(active: Active) -> None:
    bench = active(Relocaliser, base_frame="", max_deviation=10.0)
    bench.deliver("image", view(blue=5))
    bench.deliver("image", view(blue=6))
    assert len(bench.results("pose")) == 1
    assert bench.reported("Relocalisation", Level.WARN) == [
        f"not sure: deviation {math.sqrt(3) * 6:.2f} m, 10 degrees; is this the map of the model?"
    ]
    bench.deliver("image", view(blue=2))
    assert len(bench.results("pose")) == 2


def test_it_refuses_poses_outside_of_the_trained_area(tmp_path: Path) -> None:
    path = painted.write_model(tmp_path / "map.onnx", "relocalisation", bounds=(0, 0, -1, 100, 50, 1))
    bench = Bench(Relocaliser("seer", {"model": str(path), "device": "cpu", "base_frame": ""}), STAMP)
    bench.component.configure()
    bench.component.activate()
    for green in (49, 51):
        bench.deliver("image", view(green=green))
    assert len(bench.results("pose")) == 1
    assert "outside of the trained area: 30.0, 51.0, 0.0 m" in bench.reported("Relocalisation", Level.WARN)[0]


def test_static_frames_are_joined_over_several_steps_and_both_ways() -> None:
    frames = StaticFrames()
    frames.add(placed("body", "root", (1.0, 0.0, 0.0)))
    frames.add(placed("head", "body", (0.0, 2.0, 0.0)))
    frames.add(placed("hand", "root", (0.0, 0.0, 3.0)))
    pose = frames.pose("head", "hand")
    assert pose is not None
    assert pose[:3, 3].tolist() == [1, 2, -3]
    assert frames.pose("head", "elsewhere") is None
    frames.add(placed("root", "head", (0.0, 0.0, 0.0)))  # a loop
    assert frames.pose("head", "elsewhere") is None


def test_rotations_and_quaternions() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        wanted = rng.normal(size=4)
        wanted /= np.copysign(np.linalg.norm(wanted), wanted[3])
        assert quaternion(rotation(wanted)) == pytest.approx(wanted)
    assert (rotation(np.zeros(4)) == np.eye(3)).all()


def test_it_keeps_to_the_contract(model: Callable[[str], Path]) -> None:
    parameters = {"model": str(model("relocalisation")), "device": "cpu", "base_frame": "", "max_deviation": 1000.0}
    check_component(Relocaliser, parameters)
