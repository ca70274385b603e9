"""Where frames are that do not move against each other, as ``tf_static`` tells."""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


class StaticFrames:
    """Keeps the static transforms heard, and joins them."""

    def __init__(self) -> None:
        self._placed: dict[str, tuple[str, Floats]] = {}

    def add(self, message: Any) -> None:
        """Take a ``tf2_msgs/TFMessage`` in; a frame that is placed anew has moved."""
        for stamped in message.transforms:
            at, turned = stamped.transform.translation, stamped.transform.rotation
            pose = np.eye(4)
            pose[:3, :3] = rotation(np.array([turned.x, turned.y, turned.z, turned.w]))
            pose[:3, 3] = at.x, at.y, at.z
            self._placed[stamped.child_frame_id] = stamped.header.frame_id, pose

    def pose(self, frame: str, base: str) -> Floats | None:
        """Return the (4, 4) pose of a frame in another one; None while it is not known."""
        ours, theirs = self._up(frame), self._up(base)
        for name, to_frame in ours.items():
            if name in theirs:
                return np.linalg.inv(theirs[name]) @ to_frame
        return None

    def _up(self, frame: str) -> dict[str, Floats]:
        """The frame's pose in itself, its parent, and so on."""
        found = {frame: np.eye(4)}
        while frame in self._placed:
            parent, pose = self._placed[frame]
            if parent in found:
                break  # somebody has tied a loop
            found[parent] = pose @ found[frame]
            frame = parent
        return found


def rotation(quaternion: Floats) -> Floats:
    """Return the (3, 3) rotation of x y z w, of any length but 0; nothing is turned by 0 0 0 0, as tf has it."""
    length = float(np.linalg.norm(quaternion))
    if not length:
        return np.eye(3)
    x, y, z, w = quaternion / length
    return np.array(
        [
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        ]
    )


def quaternion(rotation_: Floats) -> Floats:
    """Return x y z w, w not below 0, of a (3, 3) rotation: the eigenvector of Bar-Itzhack's matrix (2000)."""
    (a, b, c), (d, e, f), (g, h, i) = rotation_
    matrix = np.array(
        [
            (a - e - i, b + d, c + g, h - f),
            (b + d, e - a - i, f + h, c - g),
            (c + g, f + h, i - a - e, d - b),
            (h - f, c - g, d - b, a + e + i),
        ]
    )
    vector = np.linalg.eigh(matrix)[1][:, -1]
    return np.asarray(vector if vector[3] >= 0 else -vector)
