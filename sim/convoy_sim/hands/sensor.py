"""The camera that sees the hand: its view, its noise, its gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy_sim.hands.kinematics import turn

RATE_HZ = 30.0

_TO_CAMERA = np.diag([-1.0, -1.0, 1.0])
"""From the user's axes to those of the camera's optical frame, which looks the user in the face."""


@dataclass(frozen=True)
class Sensor:
    """A depth camera with a hand tracker behind it.

    Attributes:
        position: of the user's rest in the camera's optical frame, metres, shape (3,).
        view: yaw, pitch and roll of the camera, rad.
        noise: white noise of each joint, metres; twice that in depth.
        wander: slow error of all joints, each by itself, metres.
        missing: share of joints that are not seen.
        dropped: share of frames that do not arrive.
    """

    position: np.ndarray
    view: np.ndarray
    noise: float
    wander: float
    missing: float
    dropped: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Sensor:
        """Draw a camera, and where the user sits."""
        return cls(
            position=np.array([random.normal(0.0, 0.08), random.normal(0.0, 0.06), random.uniform(0.4, 0.8)]),
            view=random.normal(0.0, [0.2, 0.15, 0.08]),
            noise=float(random.uniform(0.0005, 0.004)),
            wander=float(random.uniform(0.001, 0.005)),
            missing=float(random.choice([0.0, random.uniform(0.0, 0.06)])),
            dropped=float(random.choice([0.0, random.uniform(0.0, 0.08)])),
        )

    def see(self, joints: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return what is measured of joints in the user's frame, shape (T, 22, 3), NaN where not seen.

        The result is in the camera's optical frame: metres, x right, y down, z forward.
        """
        yaw, pitch, roll = (turn(axis, np.array([angle]))[0] for axis, angle in zip((1, 0, 2), self.view, strict=True))
        seen = joints @ (yaw @ pitch @ roll @ _TO_CAMERA).T + self.position
        seen += random.normal(0.0, self.noise, joints.shape) * [1.0, 1.0, 2.0]
        seen += self.wander * _slow_noise(joints.shape, random)
        seen[random.random(joints.shape[:2]) < self.missing] = np.nan
        return seen.astype(np.float32)


def _slow_noise(shape: tuple[int, ...], random: np.random.Generator, seconds: float = 0.6) -> np.ndarray:
    """Noise of variance 1 that forgets itself within `seconds`, along the first axis."""
    keep = np.exp(-1 / (seconds * RATE_HZ))
    fresh = random.normal(0.0, 1.0, shape)
    fresh[1:] *= np.sqrt(1 - keep**2)
    for step in range(1, shape[0]):
        fresh[step] += keep * fresh[step - 1]
    return fresh
