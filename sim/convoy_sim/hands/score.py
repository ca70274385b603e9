"""The score of a movement: poses to reach one after the other, played smoothly in a person's style."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from convoy_sim.hands.kinematics import FINGERS, PITCH, POSE, ROLL, TILT, YAW


@dataclass(frozen=True)
class Style:
    """How a person moves. Factors are 1 for the average person.

    Attributes:
        speed: of all movements.
        amplitude: of all movements.
        wrist: how much the wrist takes part in strokes.
        bow: how far strokes are bent, as a share of their length; positive to the left of the stroke.
        tilt: rad by which up is off the vertical in this person's strokes.
        pitch: rad from fingers up to fingers towards the camera, where the hand is held.
        yaw: rad of the hand to the person's left, where it is held.
        fingers: rad added to every posture, shape (5, 3).
        sloppiness: how much each performance differs from the last.
    """

    speed: float
    amplitude: float
    wrist: float
    bow: float
    tilt: float
    pitch: float
    yaw: float
    fingers: np.ndarray
    sloppiness: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Style:
        """Draw a person's style."""
        return cls(
            speed=float(np.clip(np.exp(random.normal(0.0, 0.28)), 0.5, 1.8)),
            amplitude=float(np.clip(np.exp(random.normal(0.0, 0.28)), 0.5, 1.6)),
            wrist=float(random.uniform(0.0, 1.0)),
            bow=float(random.normal(0.0, 0.12)),
            tilt=float(random.normal(0.0, 0.12)),
            pitch=float(random.uniform(0.2, 1.45)),
            yaw=float(random.normal(0.0, 0.22)),
            fingers=random.normal(0.0, 0.15, (5, 3)) * [1.0, 1.0, 0.5],
            sloppiness=float(random.uniform(0.05, 0.22)),
        )


@dataclass
class Score:
    """Poses with their times; `go` and `hold` add to the end, `play` gives the movement.

    Attributes:
        style: the person's.
        random: where each performance gets its variation from.
        pose: the last pose so far, shape (POSE,).
        seconds: how long the score is so far.
    """

    style: Style
    random: np.random.Generator
    pose: np.ndarray
    seconds: float = 0.0
    _parts: list[tuple[float, float, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def go(
        self,
        seconds: float,
        by: np.ndarray | None = None,
        yaw: float = 0.0,
        pitch: float = 0.0,
        tilt: float = 0.0,
        roll: float = 0.0,
        fingers: np.ndarray | None = None,
        bow: float = 0.0,
    ) -> None:
        """Move by metres and angles relative to the last pose, and bring the fingers into a posture."""
        change = np.zeros(POSE)
        vary = np.exp(self.random.normal(0.0, self.style.sloppiness, 3))
        if by is not None:
            slant = self.style.tilt + self.random.normal(0.0, self.style.sloppiness)
            right, up, back = by * vary[0]
            change[:3] = (
                right * np.cos(slant) - up * np.sin(slant),
                right * np.sin(slant) + up * np.cos(slant),
                back + self.random.normal(0.0, 0.5 * self.style.sloppiness) * np.linalg.norm(by),
            )
        change[[YAW, PITCH, TILT, ROLL]] = np.array([yaw, pitch, tilt, roll]) * vary[1]
        if fingers is not None:
            change[FINGERS:] = self.posture(fingers) - self.pose[FINGERS:]
        sideways = np.zeros(POSE)
        sideways[:2] = bow * np.array([-change[1], change[0]])
        self._add(seconds * vary[2] / self.style.speed, change, sideways)

    def reach(self, seconds: float, pose: np.ndarray) -> None:
        """Move to a pose."""
        self._add(seconds / self.style.speed, pose - self.pose, np.zeros(POSE))

    def hold(self, seconds: float) -> None:
        """Stay as it is for so many seconds, whatever the person's speed."""
        self._add(seconds, np.zeros(POSE), np.zeros(POSE))

    def posture(self, fingers: np.ndarray) -> np.ndarray:
        """Return the angles of a posture as this person makes it, this time."""
        slip = self.random.normal(0.0, 0.6 * self.style.sloppiness, (5, 3)) * [1.0, 1.0, 0.3]
        return (fingers + self.style.fingers + slip).ravel()

    def play(self, times: np.ndarray) -> np.ndarray:
        """Return the poses at times in seconds, shape (T, POSE): each part goes and ends smoothly (minimum jerk)."""
        poses = np.repeat(self.pose[None], len(times), axis=0)
        for start, end, before, change, sideways in self._parts:
            within = (times >= start) & (times < end)
            s = (times[within, None] - start) / (end - start)
            s = s**3 * (10 - 15 * s + 6 * s * s)
            poses[within] = before + s * change + 4 * s * (1 - s) * sideways
        poses += _sway(times, self.random)
        return poses

    def _add(self, seconds: float, change: np.ndarray, sideways: np.ndarray) -> None:
        self._parts.append((self.seconds, self.seconds + seconds, self.pose, change, sideways))
        self.seconds += seconds
        self.pose = self.pose + change


def _sway(times: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Nobody holds quite still: slow waves of a few millimetres and degrees in every angle, and a fine tremor."""
    sizes = np.full(POSE, 0.012)
    sizes[:3] = 0.0025
    waves = np.zeros((len(times), POSE))
    for low, high, share in ((0.1, 0.5, 1.0), (7.0, 11.0, 0.06)):
        frequencies = random.uniform(low, high, (2, POSE))
        phases = random.uniform(0.0, 2 * np.pi, (2, POSE))
        for frequency, phase in zip(frequencies, phases, strict=True):
            waves += share * sizes * np.sin(2 * np.pi * frequency * times[:, None] + phase)
    return waves
