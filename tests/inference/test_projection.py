"""The cylindrical view: to the pixel, for a pinhole, a distorted pinhole and a fisheye."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from convoy.inference import (
    CameraInput,
    CylindricalProjection,
    CylindricalView,
    ModelCard,
    ModelError,
    Projector,
    Session,
)
from convoy.interfaces.camera_model import CameraInfoError, CameraModel
from convoy.interfaces.messages import CameraInfo, make

VIEW = CylindricalView()
FISHEYE = CameraModel(640, 480, 230.0, 229.0, 322.0, 236.5, "equidistant", (-0.01, 0.004, -0.002, 0.0003))
PINHOLE = CameraModel(640, 480, 420.0, 421.0, 317.0, 243.5, "plumb_bob", (-0.25, 0.06, 0.001, -0.0005, 0.0))
RATIONAL = CameraModel(
    640, 480, 330.0, 329.0, 317.0, 243.5, "rational_polynomial", (0.3, 0.02, 0.0, 0.0, 0.001, 0.5, 0.05, 0.002)
)
CAMERAS = {"fisheye": FISHEYE, "pinhole": PINHOLE, "rational": RATIONAL}


def on_cylinder(azimuth: float, elevation: float, radius: float = 7.0) -> np.ndarray:
    """A point in the optical frame, at so many degrees to the right and up."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return radius * np.array([math.sin(a), -math.tan(e), math.cos(a)])


def picture(camera: CameraModel, of: Callable[[np.ndarray], np.ndarray], times: int = 3) -> np.ndarray:
    """What the camera takes of a scene, a function from points (N, 3) to brightness; by OpenCV's lens, not by ours."""
    v, u = ((np.indices((camera.height * times, camera.width * times)) + 0.5) / times - 0.5).reshape(2, -1)
    k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    undistort = cv2.fisheye.undistortPoints if camera is FISHEYE else cv2.undistortPoints
    plane = undistort(np.stack([u, v], axis=1)[:, None], k, np.array(camera.d))[:, 0]
    brightness = of(np.concatenate([plane, np.ones((len(plane), 1))], axis=1))
    return np.uint8(brightness.reshape(camera.height, times, camera.width, times).mean(axis=(1, 3)))


def test_the_views_edges_are_where_its_parameters_say() -> None:
    edges = [
        on_cylinder(-60, 0),
        on_cylinder(60, 0),
        on_cylinder(0, math.degrees(0.15)),
        on_cylinder(0, math.degrees(-0.5)),
    ]
    left, right, top, bottom = VIEW.project(edges)
    assert (left[0], right[0]) == pytest.approx((-0.5, 199.5))
    assert (top[1], bottom[1]) == pytest.approx((-0.5, 65.5))
    assert VIEW.project((0, 0, 3))[0] == pytest.approx(99.5)


def test_what_is_upright_stays_upright_and_equal_angles_stay_equal() -> None:
    pole = VIEW.project([on_cylinder(37, elevation) for elevation in (-25, -10, 5)])
    assert pole[:, 0] == pytest.approx([pole[0, 0]] * 3)
    columns = VIEW.project([on_cylinder(azimuth, 0) for azimuth in range(-50, 60, 10)])[:, 0]
    assert np.diff(columns) == pytest.approx([200 / 12] * 10)


def test_pixels_go_to_rays_and_back() -> None:
    rows, columns = np.indices((VIEW.height, VIEW.width))
    back = VIEW.project(5.0 * VIEW.rays(columns, rows))
    np.testing.assert_allclose(back, np.stack([columns, rows], axis=-1), atol=1e-9)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("place", [(0, 0), (-30, -8), (31, 4), (12, -17), (-22, -15)])
def test_a_point_in_the_world_lands_where_the_view_says(name: str, place: tuple[float, float]) -> None:
    camera, point = CAMERAS[name], on_cylinder(*place)
    u, v = camera.project(point)
    rows, columns = np.indices((480, 640))
    spot = 255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 6.0**2))
    view = CylindricalProjection(camera, VIEW)(np.uint8(spot)).astype(float)
    rows, columns = np.indices(view.shape)
    centroid = (columns * view).sum() / view.sum(), (rows * view).sum() / view.sum()
    assert centroid == pytest.approx(tuple(VIEW.project(point)), abs=0.15)


@pytest.mark.parametrize("name", CAMERAS)
def test_a_chessboard_on_the_cylinder_is_a_plain_chessboard_in_the_view(name: str) -> None:
    camera = CAMERAS[name]
    view = CylindricalView(300, 100, math.radians(70), 0.2, -0.2)

    def board(points: np.ndarray) -> np.ndarray:
        """Fields of 20 x 20 pixels of the view."""
        columns, rows = (view.project(points) + 0.5).T
        return np.where((np.floor(columns / 20) + np.floor(rows / 20)) % 2 == 0, 220.0, 30.0)

    found = CylindricalProjection(camera, view)(picture(camera, board))
    rows, columns = np.indices((view.height, view.width))
    wanted = board(view.rays(columns, rows).reshape(-1, 3)).reshape(found.shape)
    # Away from the fields' edges, which are blurred, every pixel has its field's brightness.
    inner = (abs((columns + 0.5) % 20 - 10) < 7) & (abs((rows + 0.5) % 20 - 10) < 7)
    assert inner.sum() > 0.4 * inner.size
    assert abs(found[inner] - wanted[inner]).max() <= 2
    # The fields' corners are where they belong, to a twentieth of a pixel in the mean.
    x, y = np.meshgrid(np.arange(20, 300, 20) - 0.5, np.arange(20, 100, 20) - 0.5)
    corners = np.stack([x, y], axis=-1).reshape(-1, 1, 2).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    refined = cv2.cornerSubPix(found, corners + 0.4, (4, 4), (-1, -1), criteria)
    assert np.linalg.norm(refined - corners, axis=-1).max() < 0.25
    assert abs((refined - corners).mean(axis=(0, 1))).max() < 0.05


def test_what_the_camera_does_not_see_is_black_and_counted() -> None:
    narrow = CameraModel(640, 480, 554.3, 554.3, 319.5, 239.5, "plumb_bob", (0.0,) * 5)  # 60 degrees
    projection = CylindricalProjection(narrow, VIEW)
    view = projection(np.full((480, 640, 3), 200, np.uint8))
    assert (view[projection.seen] == 200).all()
    assert (view[~projection.seen] == 0).all()
    columns = np.flatnonzero(projection.seen[14])
    assert (columns[0], columns[-1]) == (50, 149), "60 of 120 degrees"
    assert 0.3 < projection.covered < 0.5
    assert CylindricalProjection(FISHEYE, VIEW).covered == 1.0


def test_a_view_that_the_camera_sees_nothing_of_is_refused() -> None:
    with pytest.raises(CameraInfoError, match="sees nothing of the view of 20 degrees, from 60 to 80 degrees"):
        CylindricalProjection(PINHOLE, CylindricalView(20, 20, math.radians(20), math.radians(80), math.radians(60)))


@pytest.mark.parametrize("period", [2, 3, 4])
@pytest.mark.parametrize("scale", [1, 3])
def test_fine_stripes_become_grey_instead_of_flickering(period: int, scale: int) -> None:
    """Sampled at single pixels, stripes would give a moire of full contrast: a deviation of 125 and more."""
    camera = FISHEYE.of_size(640 * scale, 480 * scale)
    stripes = np.zeros((camera.height, camera.width), np.uint8)
    stripes[:, ::period] = 250
    small = CylindricalView(100, 33)
    assert CylindricalProjection(camera, small)(stripes).std() < 25


def test_colours_stay_apart_and_grey_stays_flat() -> None:
    pixels = np.zeros((480, 640, 3), np.uint8) + np.array([10, 120, 250], np.uint8)
    projection = CylindricalProjection(FISHEYE, VIEW)
    assert (projection(pixels) == [10, 120, 250]).all()
    assert projection(pixels[..., 0]).shape == (66, 200)


def test_an_image_of_another_size_is_refused_by_the_map_and_scaled_by_the_projector() -> None:
    with pytest.raises(CameraInfoError, match="320x240 was given to a projection of 640x480"):
        CylindricalProjection(FISHEYE, VIEW)(np.zeros((240, 320, 3), np.uint8))
    gradient = np.add.outer(np.arange(480), np.arange(640)) // 5
    large = np.uint8(gradient)
    projector = Projector(VIEW)
    projector.camera = FISHEYE
    whole = projector.project(large)
    half = projector.project(cv2.resize(large, (320, 240), interpolation=cv2.INTER_AREA))
    assert abs(whole.astype(int) - half).max() <= 2


def camera_info(camera: CameraModel, **fields: Any) -> Any:
    k = np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1.0])
    given = {"width": camera.width, "height": camera.height, "k": k, "d": np.array(camera.d)}
    return make(CameraInfo, **{**given, "distortion_model": camera.distortion_model, **fields})


def test_the_projector_waits_for_a_calibration_and_drops_it_when_the_camera_loses_its_own() -> None:
    projector, pixels = Projector(VIEW), np.zeros((480, 640, 3), np.uint8)
    with pytest.raises(CameraInfoError, match="no calibration of the camera yet"):
        projector.project(pixels)
    projector.calibrate(camera_info(FISHEYE))
    assert projector.project(pixels).shape == (66, 200, 3)
    with pytest.raises(CameraInfoError, match="not calibrated"):
        projector.calibrate(camera_info(FISHEYE, k=np.zeros(9)))
    with pytest.raises(CameraInfoError, match="no calibration of the camera yet"):
        projector.project(pixels)
    assert not projector.sees_all


def test_the_map_is_kept_until_calibration_view_or_size_change() -> None:
    projector, pixels = Projector(VIEW), np.zeros((480, 640, 3), np.uint8)
    projector.calibrate(camera_info(FISHEYE))
    projector.project(pixels)
    first = projector.projection
    projector.calibrate(camera_info(FISHEYE))
    projector.project(pixels)
    assert projector.projection is first
    for change in (
        lambda: projector.calibrate(camera_info(PINHOLE)),
        lambda: setattr(projector, "view", CylindricalView(100, 33)),
    ):
        change()
        projector.project(pixels)
        assert projector.projection is not first
        first = projector.projection
    projector.project(pixels[::2, ::2])
    assert projector.projection is not first


def test_a_card_carries_the_view(make_model: Callable[..., Path], card: Callable[..., ModelCard]) -> None:
    view = CylindricalView(8, 4, 1.5, 0.25, -0.5)
    path = make_model(card(input=CameraInput.of_view(view, colour="bgr8")))
    found = ModelCard.read(path).camera
    assert (found.projection, found.colour, found.view) == ("cylindrical", "bgr8", view)
    assert found.describe() == "8x4 bgr8, 86 degrees on a cylinder"
    assert CameraInput(width=8, height=4).view is None


@pytest.mark.parametrize(
    "fields",
    [
        {"projection": "cylindrical"},
        {"projection": "cylindrical", "horizontal_fov": 1.5, "top": 0.2},
        {"horizontal_fov": 1.5, "top": 0.2, "bottom": -0.2},
        {"projection": "cylindrical", "horizontal_fov": 1.5, "top": -0.3, "bottom": -0.2},
        {"projection": "cylindrical", "horizontal_fov": 7.0, "top": 0.2, "bottom": -0.2},
    ],
)
def test_a_card_with_half_a_view_or_an_impossible_one_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"only then|must be below|spans 7.0 rad"):
        CameraInput(width=8, height=4, **fields)


def test_a_session_stretches_no_image_to_a_view(
    make_model: Callable[..., Path], card: Callable[..., ModelCard]
) -> None:
    session = Session.load(make_model(card(input=CameraInput.of_view(CylindricalView(8, 4)))), "steering")
    assert session.run(np.full((4, 8, 3), 9, np.uint8))["steering_angle"] == 9.0
    with pytest.raises(
        ModelError, match=r"640x480 was given to .*; wanted 8x4 rgb8, 120 degrees on a cylinder: project"
    ):
        session.run(np.zeros((480, 640, 3), np.uint8))
