"""Skeletons as NumPy arrays: the joints of a hand in the order of SHREC'17, those of a body in the order of NATOPS."""

from __future__ import annotations

from typing import Any

import numpy as np

from convoy.interfaces.messages import BodySkeleton, HandSkeleton, InterfaceError, Point32, make

HAND_JOINTS = (
    "wrist",
    "palm",
    *(
        f"{finger}_{part}"
        for finger in ("thumb", "index", "middle", "ring", "little")
        for part in ("base", "first", "second", "tip")
    ),
)
"""The 22 joints of SHREC'17 and DHG-14/28 (De Smedt et al. 2017)."""

BODY_JOINTS = (
    "left_hand_tip",
    "right_hand_tip",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_thumb",
    "right_thumb",
)
"""The eight joints of NATOPS, as the UEA archive orders them."""

_FURTHEST = 100.0
"""Metres; a joint beyond that is a fault of the source, not a hand."""


def joints(skeleton: Any) -> np.ndarray:
    """Return the joints of a `HandSkeleton` or `BodySkeleton`: float32 of shape (joints, 3), NaN where not seen.

    Raises:
        InterfaceError: the number of joints is wrong, or one lies further away than any hand.
    """
    wanted = len(HAND_JOINTS if isinstance(skeleton, HandSkeleton) else BODY_JOINTS)
    if len(skeleton.joints) != wanted:
        raise InterfaceError(
            f"A {type(skeleton).__msgtype__} has {len(skeleton.joints)} joints, wanted {wanted} (NaN where not seen)."
        )
    points = np.array([(point.x, point.y, point.z) for point in skeleton.joints], np.float32)
    points[~np.isfinite(points).all(axis=1)] = np.nan
    if (np.abs(points) > _FURTHEST).any():
        raise InterfaceError(f"A joint is {np.nanmax(np.abs(points)):.3g} m away, wanted metres below {_FURTHEST:.0f}.")
    return points


def hand_skeleton(points: np.ndarray, **fields: Any) -> Any:
    """Make a `HandSkeleton` of joints, shape (22, 3), in metres; `fields` are its other fields."""
    return make(HandSkeleton, joints=_points(points), **fields)


def body_skeleton(points: np.ndarray, **fields: Any) -> Any:
    """Make a `BodySkeleton` of joints, shape (8, 3), in metres; `fields` are its other fields."""
    return make(BodySkeleton, joints=_points(points), **fields)


def _points(points: np.ndarray) -> list[Any]:
    return [Point32(x=x, y=y, z=z) for x, y, z in points.tolist()]
