"""A calibrated camera: where points land, to a fraction of a pixel, and which calibrations are refused."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from convoy.interfaces.camera_model import CameraInfoError, CameraModel
from convoy.interfaces.messages import CameraInfo, make

DISTORTIONS = {
    "plumb_bob": (-0.3, 0.1, 0.001, -0.002, -0.01),
    "rational_polynomial": (0.1, 0.05, 0.001, -0.002, 0.01, 0.2, 0.03, 0.01),
    "equidistant": (0.01, -0.02, 0.003, -0.001),
}
K = np.array([[400.0, 0, 320], [0, 410, 240], [0, 0, 1]])


def camera_info(model: str = "plumb_bob", **fields: Any) -> Any:
    given = {"width": 640, "height": 480, "distortion_model": model, "k": K.ravel(), "d": np.array(DISTORTIONS[model])}
    return make(CameraInfo, **{**given, **fields})


@pytest.mark.parametrize("model", DISTORTIONS)
def test_points_land_where_opencv_says(model: str) -> None:
    points = np.random.default_rng(0).uniform((-1, -1, 1), (1, 1, 3), (100, 3))
    project = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    wanted, _ = project(points[:, None], np.zeros(3), np.zeros(3), K, np.array(DISTORTIONS[model]))
    found = CameraModel.read(camera_info(model)).project(points)
    np.testing.assert_allclose(found, wanted[:, 0], atol=1e-9)


def test_the_point_on_the_axis_lands_on_the_principal_point() -> None:
    for model in DISTORTIONS:
        assert CameraModel.read(camera_info(model)).project((0, 0, 2)).tolist() == [320, 240]


def test_a_fisheye_sees_beside_itself_and_a_pinhole_only_ahead() -> None:
    beside = [(1.0, 0, 0), (1.0, 0, -0.2), (0, 1.0, -0.1)]
    fisheye = CameraModel.read(camera_info("equidistant", d=np.zeros(4)))
    angle = np.pi / 2 + np.arctan(0.2)
    np.testing.assert_allclose(fisheye.project(beside)[:2], [(320 + 400 * np.pi / 2, 240), (320 + 400 * angle, 240)])
    assert np.isnan(CameraModel.read(camera_info()).project(beside)).all()


def test_where_the_distortion_folds_back_nothing_is_shown() -> None:
    """With k1 = -0.3 alone the distorted radius grows up to 1 / sqrt(0.9), and then shrinks: 1.5 would land at 0.49."""
    pinhole = CameraModel.read(camera_info(d=np.array([-0.3, 0, 0, 0, 0])))
    seen = ~np.isnan(pinhole.project([(r, 0, 1) for r in (1.0, 1.05, 1.06, 1.5)])[:, 0])
    assert seen.tolist() == [True, True, False, False]
    fisheye = CameraModel.read(camera_info("equidistant", d=np.array([-0.3, 0, 0, 0])))
    seen = ~np.isnan(fisheye.project([(np.sin(r), 0, np.cos(r)) for r in (1.05, 1.06, 1.5, 3.0)])[:, 0])
    assert seen.tolist() == [True, False, False, False]


def test_a_shrunk_image_shows_the_same_points() -> None:
    """The edge of the image stays its edge: pixel -0.5 of the large one is pixel -0.5 of the small one."""
    large = CameraModel.read(camera_info())
    small = large.of_size(320, 240)
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 1), (0.5, 0.5, 3), (50, 3))
    np.testing.assert_allclose(2 * (small.project(points) + 0.5), large.project(points) + 0.5)
    assert large.of_size(427, 320).width == 427  # the same aspect, as nearly as whole pixels allow


@pytest.mark.parametrize("size", [(640, 360), (480, 480), (200, 66), (640, 482)])
def test_an_image_of_another_aspect_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(CameraInfoError, match=rf"image is {size[0]}x{size[1]}, but its camera_info is of 640x480"):
        CameraModel.read(camera_info()).of_size(*size)


def test_a_region_of_interest_is_a_smaller_camera() -> None:
    info = camera_info()
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 100, 50, 320, 240
    region = CameraModel.read(info)
    assert (region.width, region.height) == (320, 240)
    np.testing.assert_allclose(
        region.project((0.1, 0.2, 1)), CameraModel.read(camera_info()).project((0.1, 0.2, 1)) - (100, 50)
    )


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"k": np.zeros(9)}, r"not calibrated: K\[0\] of its camera_info is 0"),
        ({"distortion_model": "cylindrical"}, "Distortion model 'cylindrical' is not known"),
        ({"distortion_model": ""}, "Distortion model '' is not known"),
        ({"d": np.zeros(4)}, "D holds 4 coefficients; 'plumb_bob' has 5"),
        ({"d": np.zeros(0)}, "D holds 0 coefficients"),
        ({"d": np.full(5, np.nan)}, "make no camera"),
        ({"k": -K.ravel()}, "make no camera"),
        ({"width": 0}, "images are 0x480"),
    ],
)
def test_a_calibration_that_cannot_be_used_is_refused_by_name(fields: dict[str, Any], found: str) -> None:
    with pytest.raises(CameraInfoError, match=found):
        CameraModel.read(camera_info(**fields))
