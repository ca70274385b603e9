"""A kinematic hand: from angles to the 22 joints of SHREC'17.

The hand's own frame has its origin at the wrist, x towards the fingers, y towards the thumb, z out of its back.
The user's frame has x to the user's right, y up, z towards the user's back; the camera looks at the user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POSE = 22
"""A pose: position (metres, 3), yaw, pitch, tilt, roll, then bend, curl, spread of each finger, thumb first (rad)."""
YAW, PITCH, TILT, ROLL = 3, 4, 5, 6
FINGERS = 7

_BASES = np.array(
    [[0.022, 0.024, -0.008], [0.088, 0.023, 0.0], [0.090, 0.001, 0.003], [0.084, -0.019, 0.0], [0.074, -0.036, -0.004]]
)
_PHALANGES = np.array(
    [[0.044, 0.034, 0.027], [0.041, 0.025, 0.021], [0.045, 0.028, 0.022], [0.041, 0.027, 0.022], [0.033, 0.020, 0.019]]
)
"""Metres, of a hand 18 cm long (averages after Buryanov and Kotiuk 2010)."""
_PALM = np.array([0.048, -0.002, -0.004])
_PALM_FORWARD = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Hand to user: fingers up, palm towards the camera, thumb to the left, as a right hand has it."""


@dataclass(frozen=True)
class HandShape:
    """Size and proportions of one person's hand; `bases` and `phalanges` are in metres, shape (5, 3)."""

    bases: np.ndarray
    phalanges: np.ndarray
    palm: np.ndarray
    left: bool

    @classmethod
    def draw(cls, random: np.random.Generator) -> HandShape:
        """Draw a person's hand: its size, then each part's share of it."""
        size = float(np.clip(random.normal(1.0, 0.09), 0.75, 1.25))
        return cls(
            _BASES * size * random.normal(1.0, 0.04, (5, 3)),
            _PHALANGES * size * random.normal(1.0, 0.05, (5, 3)),
            _PALM * size,
            bool(random.random() < 0.2),
        )

    def joints(self, poses: np.ndarray) -> np.ndarray:
        """Return the joints in the user's frame, shape (T, 22, 3), of poses of shape (T, POSE)."""
        fingers = poses[:, FINGERS:].reshape(-1, 5, 3)
        local = np.zeros((len(poses), 22, 3))
        local[:, 1] = self.palm
        for finger in range(5):
            directions = (_thumb if finger == 0 else _finger)(*fingers[:, finger].T)
            at = np.broadcast_to(self.bases[finger], (len(poses), 3))
            local[:, 2 + 4 * finger] = at
            for part, direction in enumerate(directions):
                at = at + self.phalanges[finger, part] * direction
                local[:, 3 + 4 * finger + part] = at
        turned = np.einsum("tij,tkj->tki", _rotations(poses), local)
        if self.left:
            turned[..., 0] *= -1
        return turned + poses[:, None, :3]


def _finger(bend: np.ndarray, curl: np.ndarray, spread: np.ndarray) -> list[np.ndarray]:
    """Directions of the three phalanges; the last joint follows the middle one, as tendons make it."""
    angles = (bend, bend + curl, bend + 1.6 * curl)
    return [
        np.stack([np.cos(angle) * np.cos(spread), np.cos(angle) * np.sin(spread), -np.sin(angle)], axis=1)
        for angle in angles
    ]


def _thumb(bend: np.ndarray, curl: np.ndarray, spread: np.ndarray) -> list[np.ndarray]:
    """Directions of the thumb's parts: `spread` from the index, `bend` under the palm, `curl` towards the fingers."""
    first = np.stack([np.cos(spread) * np.cos(bend), np.sin(spread) * np.cos(bend), -np.sin(bend)], axis=1)
    across = np.stack([np.sin(spread), -np.cos(spread), np.zeros_like(spread)], axis=1)
    under = np.array([0.0, 0.0, -1.0]) - np.sin(bend)[:, None] * first
    towards = across + 0.5 * under
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return [np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * towards for angle in (0 * curl, curl, 1.8 * curl)]


def _rotations(poses: np.ndarray) -> np.ndarray:
    yaw, pitch, tilt, roll = poses[:, YAW : ROLL + 1].T
    return turn(1, yaw) @ turn(2, tilt) @ turn(0, -pitch) @ _PALM_FORWARD @ turn(0, roll)


def turn(axis: int, angle: np.ndarray) -> np.ndarray:
    """Return rotation matrices, shape (T, 3, 3), about one of the axes by angles of shape (T,), in rad."""
    matrices = np.zeros((len(angle), 3, 3))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrices[:, axis, axis] = 1
    matrices[:, one, one] = matrices[:, two, two] = np.cos(angle)
    matrices[:, two, one] = np.sin(angle)
    matrices[:, one, two] = -np.sin(angle)
    return matrices
