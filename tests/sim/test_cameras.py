"""Camera models: projection, calibration, mounting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convoy_sim.cameras import Fisheye, Mounting, Pinhole, camera_info, misaligned, stereo_pair


def test_a_fisheye_projects_its_own_rays_back() -> None:
    camera = Fisheye.of_view(320, 240, 160)
    rays = camera.rays()
    seen = np.arccos(np.clip(rays[..., 2], -1, 1)) < camera.max_angle - 1e-6
    v, u = np.nonzero(seen)
    assert camera.project(3.7 * rays[v, u]) == pytest.approx(np.stack([u, v], axis=1), abs=1e-6)


def test_a_view_reaches_from_edge_to_edge() -> None:
    edge = np.radians(70)
    wide = Fisheye.of_view(640, 480, 140).project([(np.sin(edge), 0.0, np.cos(edge)), (0.0, 0.0, 1.0)])
    assert wide == pytest.approx(np.array([(639.5, 239.5), (319.5, 239.5)]))
    flat = Pinhole.of_view(200, 66, 90).project([(1.0, 0.0, 1.0), (0.0, 0.0, -1.0)])
    assert flat[0] == pytest.approx((199.5, 32.5))
    assert np.isnan(flat[1]).all()


def test_camera_info_agrees_with_projection() -> None:
    camera = Pinhole(320, 240, 250.0, 260.0, 150.0, 120.0)
    info = camera_info(camera)
    point = np.array([0.4, -0.2, 2.0])
    pixel = np.reshape(info.k, (3, 3)) @ point
    assert camera.project([point])[0] == pytest.approx(pixel[:2] / pixel[2])
    assert (info.distortion_model, len(info.d)) == ("plumb_bob", 5)
    assert camera_info(Fisheye.of_view(320, 240)).distortion_model == "equidistant"


def test_the_default_mounting_looks_ahead_and_a_little_down() -> None:
    pose = Mounting().optical_in_vehicle()
    assert pose[:3, 2] == pytest.approx((1.0, 0.0, -0.06), abs=0.01)
    assert pose[:3, 0] == pytest.approx((0.0, -1.0, 0.0), abs=1e-9)
    assert pose[2, 3] == pytest.approx(1.2)


def test_the_right_camera_of_a_pair_is_to_the_right() -> None:
    left, right = stereo_pair(Pinhole.of_view(320, 240, 80, Mounting(yaw=0.3)), 0.4)
    offset = np.linalg.inv(left.mounting.optical_in_vehicle()) @ right.mounting.optical_in_vehicle()
    assert offset[:3, 3] == pytest.approx((0.4, 0.0, 0.0))
    assert camera_info(right).p[3] == pytest.approx(-right.fx * 0.4)


def test_a_mounting_error_is_small_and_comes_from_the_seed() -> None:
    camera = Pinhole.of_view(320, 240, 80)
    one, same = (misaligned(camera, np.random.default_rng(3)) for _ in range(2))
    assert one == same != camera
    assert abs(one.mounting.yaw) < np.radians(5)
    assert replace(one, mounting=camera.mounting) == camera
