"""Joints that were not seen are put where they most likely were."""

from __future__ import annotations

import numpy as np

from convoy.gestures.gaps import fill_gaps


def line(frames: int = 5, joints: int = 3) -> np.ndarray:
    """Joints that move along x, a metre each frame, side by side in y."""
    points = np.zeros((frames, joints, 3), np.float32)
    points[..., 0] = np.arange(frames)[:, None]
    points[..., 1] = np.arange(joints)
    return points


def test_a_joint_is_put_on_its_way() -> None:
    whole = line()
    broken = whole.copy()
    broken[1:4, 1] = np.nan
    assert np.allclose(fill_gaps(broken), whole)


def test_uneven_stamps_are_heeded() -> None:
    times = np.array([0.0, 1.0, 4.0])
    points = np.zeros((3, 2, 3))
    points[:, :, 0] = times[:, None]
    broken = points.copy()
    broken[1, 0] = np.nan
    assert np.allclose(fill_gaps(broken, times), points)


def test_before_the_first_and_after_the_last_sight_it_is_held() -> None:
    broken = line()
    broken[0, 0] = broken[4, 0] = np.nan
    filled = fill_gaps(broken)
    assert filled[0, 0, 0] == 1
    assert filled[4, 0, 0] == 3


def test_a_joint_never_seen_moves_with_the_others() -> None:
    broken = line()
    broken[:, 1] = np.nan
    assert np.allclose(fill_gaps(broken)[:, 1], line()[:, [0, 2]].mean(axis=1))


def test_nothing_is_made_up_of_nothing() -> None:
    assert np.isnan(fill_gaps(np.full((4, 3, 3), np.nan))).all()
