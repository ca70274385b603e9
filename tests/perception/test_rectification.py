"""The rectifier: a camera's image as on a cylinder, once its calibration is there, and word of it when it is not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convoy.graph import Level, ParameterError, check_component
from convoy.graph.bench import Bench
from convoy.inference import CylindricalView
from convoy.interfaces.camera_model import CameraInfoError, CameraModel
from convoy.interfaces.images import compress, decode, encode
from convoy.interfaces.messages import NANOSECONDS, CameraInfo, Header, make, time
from convoy.perception.rectification import Rectifier

cameras = pytest.importorskip("convoy_sim.cameras", reason="the simulator's cameras are another hand's projection")

STAMP = 1_700_000_000_123_456_789
FISHEYE = cameras.Fisheye.of_view(640, 480, 160.0)
PINHOLE = cameras.Pinhole.of_view(640, 480, 100.0)
VIEW = CylindricalView()


def info_of(camera: Any, **fields: Any) -> Any:
    said = cameras.camera_info(camera)
    given = {name: np.array(getattr(said, name)) for name in "dkrp"}
    given |= {"width": said.width, "height": said.height, "distortion_model": said.distortion_model}
    return make(CameraInfo, **(given | fields))


def image(pixels: np.ndarray, encoding: str = "bgr8") -> Any:
    return encode(pixels, encoding, make(Header, stamp=time(STAMP), frame_id="front_optical"))


def active(**parameters: Any) -> Bench:
    bench = Bench(Rectifier("rectifier", parameters), STAMP)
    bench.component.configure()
    bench.component.activate()
    return bench


@pytest.mark.parametrize("camera", [FISHEYE, PINHOLE], ids=["fisheye", "pinhole"])
def test_what_stands_in_the_world_is_where_the_view_says(camera: Any) -> None:
    """Posts at known places, taken by the simulator's own projection."""
    azimuths = np.radians([-40, -15, 0, 22, 41])
    points = np.stack([np.sin(azimuths), np.full(5, 0.15), np.cos(azimuths)], axis=1) * 6.0
    pixels = np.zeros((480, 640, 3), np.uint8)
    rows, columns = np.indices((480, 640))
    for u, v in camera.project(points):
        spot = 255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 4.0**2))
        pixels = np.maximum(pixels, np.uint8(spot)[..., None])
    bench = active()
    bench.deliver("camera_info", info_of(camera))
    bench.deliver("image", image(pixels))
    (message,) = bench.results("image_rect")
    view = decode(message).pixels[..., 0].astype(float)
    for x, y in VIEW.project(points):
        near = view[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5]
        row, column = (axis - 4 for axis in np.indices(near.shape))
        assert (row * near).sum() / near.sum() + round(y) == pytest.approx(y, abs=0.25)
        assert (column * near).sum() / near.sum() + round(x) == pytest.approx(x, abs=0.25)


@pytest.mark.parametrize("camera", [FISHEYE, PINHOLE], ids=["fisheye", "pinhole"])
def test_the_simulators_camera_and_its_camera_info_are_one(camera: Any) -> None:
    points = np.random.default_rng(0).uniform((-1, -1, 0.6), (1, 1, 2), (100, 3))
    np.testing.assert_allclose(CameraModel.read(info_of(camera)).project(points), camera.project(points), atol=1e-9)


def test_the_view_has_the_images_header_and_says_of_itself_what_it_is() -> None:
    bench = active(width=120, height=40, horizontal_fov=1.5, top=0.1, bottom=-0.4)
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.deliver("image", image(np.full((480, 640, 3), 77, np.uint8)))
    (view,), (info,) = bench.results("image_rect"), bench.results("camera_info_rect")
    assert (view.width, view.height, view.encoding, view.header.frame_id) == (120, 40, "bgr8", "front_optical")
    assert view.header == info.header
    assert view.header.stamp == time(STAMP)
    assert (info.width, info.height, info.distortion_model, info.d.size) == (120, 40, "cylindrical", 0)
    assert not info.p.any(), "a cylinder has no projection matrix"
    fx, fy, cx, cy = info.k[[0, 4, 2, 5]]
    x, y, z = 2.0, 0.5, 3.0
    column, row = fx * math.atan2(x, z) + cx, fy * y / math.hypot(x, z) + cy
    assert (column, row) == pytest.approx(tuple(CylindricalView(120, 40, 1.5, 0.1, -0.4).project((x, y, z))))
    with pytest.raises(CameraInfoError, match="Distortion model 'cylindrical' is not known"):
        CameraModel.read(info)


def test_before_there_is_a_calibration_it_publishes_nothing_and_says_so() -> None:
    bench = active()
    pixels = np.zeros((480, 640, 3), np.uint8)
    bench.deliver("image", image(pixels))
    assert bench.results() == []
    bench.pass_time(NANOSECONDS)
    assert "waiting for the camera_info" in bench.reported("Calibration", Level.WARN)[0]
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.deliver("image", image(pixels))
    assert len(bench.results("image_rect")) == 1
    bench.pass_time(NANOSECONDS)
    sees = "the camera, equidistant of 640x480, sees 100.0 % of the view"
    assert bench.reported("Calibration", Level.OK)[-1] == sees


def test_an_uncalibrated_camera_is_an_error_and_stops_the_view() -> None:
    bench = active()
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.deliver("camera_info", info_of(FISHEYE, k=np.zeros(9)))
    bench.deliver("image", image(np.zeros((480, 640, 3), np.uint8)))
    assert bench.results() == []
    assert "K[0] of its camera_info is 0" in bench.reported("Errors", Level.ERROR)[0]
    assert "waiting for the camera_info" in bench.reported("Calibration", Level.WARN)[-1]


def test_a_view_that_is_partly_out_of_sight_is_said_to_be() -> None:
    bench = active()
    bench.deliver("camera_info", info_of(PINHOLE))
    bench.deliver("image", image(np.full((480, 640, 3), 90, np.uint8)))
    share = (decode(bench.results("image_rect")[0]).pixels[..., 0] == 90).mean()
    assert 0.5 < share < 1.0
    bench.pass_time(NANOSECONDS)
    assert f"sees {100 * share:.1f} % of the view" in bench.reported("Calibration", Level.WARN)[-1]


def test_images_of_another_aspect_are_an_error_and_of_half_the_size_are_not() -> None:
    bench = active()
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.deliver("image", image(np.zeros((360, 640, 3), np.uint8)))
    assert bench.results() == []
    assert "image is 640x360, but its camera_info is of 640x480" in bench.reported("Errors", Level.ERROR)[0]
    bench.deliver("image", image(np.full((240, 320, 3), 90, np.uint8)))
    assert (decode(bench.results("image_rect")[0]).pixels == 90).all()


@pytest.mark.parametrize(
    ("encoding", "dtype", "channels", "published"),
    [
        ("mono8", np.uint8, 0, "mono8"),
        ("rgb8", np.uint8, 3, "rgb8"),
        ("bgra8", np.uint8, 4, "bgr8"),
        ("mono16", np.uint16, 0, "mono8"),
    ],
)
def test_colours_and_grey_stay_what_they_are(encoding: str, dtype: Any, channels: int, published: str) -> None:
    bench = active()
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.deliver("image", image(np.zeros((480, 640, channels) if channels else (480, 640), dtype), encoding))
    assert [view.encoding for view in bench.results("image_rect")] == [published]


def test_depth_is_no_picture_to_project() -> None:
    bench = active()
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.deliver("image", image(np.zeros((480, 640), np.float32), "32FC1"))
    assert bench.results() == []
    assert "32FC1" in bench.reported("Errors", Level.ERROR)[0]


def test_the_view_may_change_while_it_runs() -> None:
    bench = active()
    bench.deliver("camera_info", info_of(FISHEYE))
    bench.component.set_parameters({"width": 100, "height": 33})
    bench.deliver("image", image(np.zeros((480, 640, 3), np.uint8)))
    assert [(view.width, view.height) for view in bench.results("image_rect")] == [(100, 33)]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"top": -0.6}, "'bottom' must be below 'top'"),
        ({"horizontal_fov": 7.0}, "'horizontal_fov' is 7.0, but .*less than or equal to 6.28"),
        ({"width": 0}, "'width' is 0"),
    ],
)
def test_a_view_that_there_cannot_be_is_refused(parameters: dict[str, Any], found: str) -> None:
    with pytest.raises(ParameterError, match=f"rectifier: .*{found}"):
        active(**parameters)


def test_it_keeps_to_the_contract() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    header = make(Header, frame_id="camera")
    info = info_of(cameras.Fisheye.of_view(64, 48, 160.0))
    examples = {
        "camera_info": [info] * 4,
        "image": [encode(pixels, "bgr8", header)] * 2 + [compress(pixels, "bgr8", header)] * 2,
    }
    check_component(Rectifier, {"width": 40, "height": 20}, examples)
