"""The depth estimator: metres, for the camera that looks."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.perception import painted
from tests.perception.painted import DEPTH_M, STAMP, camera_info, picture, scene

from convoy.graph import Level, check_component
from convoy.graph.bench import Bench
from convoy.inference import CameraInput
from convoy.perception.depth import DepthEstimator

Active = Callable[..., Bench]
BLUE = 102
FAR_M = BLUE / 255 * DEPTH_M
FOCAL = 40.0
"""Of the training, in the net's 80 pixels."""


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The painted model, that says with which focal length it was trained."""
    size = CameraInput(width=painted.WIDTH, height=painted.HEIGHT, focal_length=FOCAL)
    return painted.write_model(tmp_path_factory.mktemp("metric") / "depth.onnx", "depth", input=size)


def depth_of(bench: Bench) -> np.ndarray:
    message = bench.results("depth")[-1]
    assert (message.encoding, message.header.frame_id) == ("32FC1", "camera")
    return message.data.view(np.float32).reshape(message.height, message.width)


def test_depth_is_in_metres_of_the_images_size(active: Active) -> None:
    bench = active(DepthEstimator)
    bench.deliver("image", picture(scene(blue=BLUE)))
    depth = depth_of(bench)
    assert depth.shape == (120, 160)
    assert depth[0, 0] == pytest.approx(FAR_M)
    assert depth[40, 40] == pytest.approx(30 / 255 * DEPTH_M)


def test_without_calibration_it_says_so_and_gives_neither_camera_info_nor_points(active: Active, metric: Path) -> None:
    bench = active(DepthEstimator, model=str(metric))
    bench.deliver("image", picture(scene(blue=BLUE)))
    bench.pass_time(1_000_000_000)
    assert depth_of(bench)[0, 0] == pytest.approx(FAR_M)
    assert "no camera_info yet" in bench.reported("Calibration", Level.WARN)[-1]
    assert bench.results("depth_info") == bench.results("points") == []


@pytest.mark.parametrize(("focal", "scale"), [(80.0, 1.0), (160.0, 2.0), (40.0, 0.5)])
def test_it_scales_by_the_focal_length(active: Active, metric: Path, focal: float, scale: float) -> None:
    """The image is twice as wide as the net's input, so that 80 px of it are the 40 px of the training."""
    bench = active(DepthEstimator, model=str(metric))
    bench.deliver("camera_info", camera_info(focal=focal))
    bench.deliver("image", picture(scene(blue=BLUE)))
    assert depth_of(bench)[0, 0] == pytest.approx(scale * FAR_M, rel=1e-6)


def test_camera_info_has_the_images_header(active: Active) -> None:
    bench = active(DepthEstimator)
    bench.deliver("camera_info", camera_info())
    bench.deliver("image", picture())
    (info,) = bench.results("depth_info")
    (depth,) = bench.results("depth")
    assert (info.header.stamp, info.header.frame_id) == (depth.header.stamp, "camera")
    assert info.k.tolist() == camera_info().k.tolist()


def test_camera_info_comes_to_who_listens_to_nothing_else(active: Active) -> None:
    bench = active(DepthEstimator)
    bench.unheard = {"depth", "points", "overlay"}
    bench.deliver("camera_info", camera_info())
    bench.deliver("image", picture())
    assert [message.output for message in bench.sent if message.output != "diagnostics"] == ["depth_info"]


def test_points_lie_where_the_pixels_look(active: Active) -> None:
    bench = active(DepthEstimator, points_step=10)
    bench.deliver("camera_info", camera_info())
    bench.deliver("image", picture(scene(blue=BLUE)))
    (cloud,) = bench.results("points")
    assert (cloud.height, cloud.width, cloud.point_step, cloud.header.frame_id) == (12, 16, 16, "camera")
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "rgb"]
    points = cloud.data.view(np.float32).reshape(12, 16, 4)
    u, v, z = 70, 20, FAR_M
    assert points[2, 7, :3].tolist() == pytest.approx([(u - 79.5) / 80 * z, (v - 59.5) / 80 * z, z], rel=1e-4)
    assert cloud.data.reshape(12, 16, 16)[2, 7, 12:].tolist() == [BLUE, 0, 0, 0], "blue, green, red"


def test_points_of_a_fisheye_lie_on_its_rays(active: Active) -> None:
    bench = active(DepthEstimator, points_step=10)
    bench.deliver("camera_info", camera_info(distortion_model="equidistant", d=np.zeros(4)))
    bench.deliver("image", picture(scene(blue=BLUE)))
    points = bench.results("points")[0].data.view(np.float32).reshape(12, 16, 4)
    x, y, z, _ = points[6, 1].tolist()
    angle = math.atan2(math.hypot(x, y), z)
    assert angle == pytest.approx(math.hypot(10 - 79.5, 60 - 59.5) / 80, rel=1e-3)


def test_what_is_beyond_the_limit_is_infinitely_far(active: Active) -> None:
    bench = active(DepthEstimator, max_depth=10.0)
    bench.deliver("camera_info", camera_info())
    bench.deliver("image", picture(scene(blue=BLUE)))
    assert depth_of(bench)[0, 0] == np.inf
    assert np.isnan(bench.results("points")[0].data.view(np.float32)[:3]).all()
    assert not bench.results("overlay")[0].data.reshape(120, 160, 3)[0, 0].any()


def test_a_calibration_that_cannot_be_used_is_an_error_and_scales_nothing(active: Active, metric: Path) -> None:
    bench = active(DepthEstimator, model=str(metric))
    bench.deliver("camera_info", camera_info(focal=160.0))
    bench.deliver("camera_info", camera_info(focal=0.0))
    assert "not calibrated" in bench.reported("Errors", Level.ERROR)[-1]
    bench.deliver("image", picture(scene(blue=BLUE)))
    assert depth_of(bench)[0, 0] == pytest.approx(FAR_M)


def test_depth_that_is_not_finite_is_an_error(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="changes an ONNX file with the package onnx (extra 'learn')")
    model = onnx.load(painted.write_model(tmp_path / "depth.onnx", "depth"))
    last = model.graph.node[-1]
    last.output[0] = "whole"
    model.graph.node.append(onnx.helper.make_node("Log", ["negative"], ["depth"]))
    model.graph.node.insert(len(model.graph.node) - 1, onnx.helper.make_node("Neg", ["whole"], ["negative"]))
    onnx.save(model, tmp_path / "nan.onnx")
    bench = Bench(DepthEstimator("seer", {"model": str(tmp_path / "nan.onnx"), "device": "cpu"}), STAMP)
    bench.component.configure()
    bench.component.activate()
    bench.deliver("image", picture(scene(blue=BLUE)))
    assert bench.results("depth") == []
    assert bench.reported("Errors", Level.ERROR) == ["image: the model gave values in 'depth' that are not finite"]


def test_it_keeps_to_the_contract(model: Callable[[str], Path]) -> None:
    examples = {"camera_info": [camera_info(64, 48)] * 4}
    check_component(DepthEstimator, {"model": str(model("depth")), "device": "cpu"}, examples)
