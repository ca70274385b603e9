"""Finds where a movement starts and ends in the motion of one skeleton, with nobody to say so."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from convoy.gestures.anatomy import HAND, Anatomy
from convoy.gestures.gaps import fill_gaps

SLOPE_S = 0.23
"""Speeds are slopes of straight lines through so much of the past: long enough for a camera's noise."""
STARTED, ENDED = 1.0, 0.6
"""Above the one a movement has started, below the other it may have ended; in bones per second, which are some 9 cm in
a hand and 25 cm in arms."""
STARTED_OVER_NOISE, ENDED_OVER_NOISE = 3.5, 2.6
"""The same, as multiples of the speed that noise gives to what is at rest, where that is more."""
RESTING_SHARE = 0.15
"""For so much of the time, at least, everybody is at rest: what it seems to move then is noise."""
MOST_NOISE = 0.8
PAUSE = 1.1
"""Below this speed, a movement that goes on may have been two."""
MOST_PAUSES = 3
"""Of a movement with more pauses only the last ones are told."""
MEMORY_S = 6.0
_SHORTEST = 4
"""Frames of a movement, at least."""


@dataclass(frozen=True)
class Segment:
    """A movement that has ended.

    Attributes:
        times: seconds, ascending, shape (T,).
        joints: metres, shape (T, joints, 3), gaps filled.
        starts: frames at which a gesture may have started: the first frame, and those after the last pauses.
    """

    times: np.ndarray
    joints: np.ndarray
    starts: tuple[int, ...]


class Segmenter:
    """Takes the frames of one skeleton and gives each movement once it has ended.

    Args:
        rest_s: how long it must be slow for its movement to have ended.
        longest_s: of a longer movement only the last part is given.
        anatomy: its kind.
    """

    def __init__(self, rest_s: float, longest_s: float, anatomy: Anatomy = HAND) -> None:
        self._rest_s = rest_s
        self._longest_s = longest_s
        self._anatomy = anatomy
        self._members = np.array([[float(joint in part) for joint in range(anatomy.joints)] for part in anatomy.parts])
        self._frames: deque[tuple[float, np.ndarray, float]] = deque()
        self._started: float | None = None
        self._slow_since: float | None = None
        self._last_end = -np.inf

    def add(self, time: float, joints: np.ndarray) -> Segment | None:
        """Take a frame newer than the last: joints in metres, shape (joints, 3), NaN where not seen."""
        before = self._frames[-1][2] if self._frames else 0.0
        self._frames.append((time, joints, before))
        while self._frames[0][0] < time - MEMORY_S:
            self._frames.popleft()
        speed = self._speed()
        self._frames[-1] = (time, joints, speed)
        if self._started is None:
            if speed > max(STARTED, STARTED_OVER_NOISE * self._noise()):
                self._started, self._slow_since = self._rise(), None
            return None
        if min(speed, before) >= max(ENDED, ENDED_OVER_NOISE * self._noise()):  # one frame may be noise
            self._slow_since = None
            return None
        if self._slow_since is None:
            self._slow_since = time
        if time - self._slow_since < self._rest_s:
            return None
        segment = self._cut(max(self._started, time - self._longest_s), self._slow_since)
        self._last_end = self._slow_since
        self._started = self._slow_since = None
        return segment

    def _rise(self) -> float:
        """Return when the motion that is now fast began to be."""
        now = start = self._frames[-1][0]
        for time, _, speed in reversed(self._frames):
            if speed < ENDED or now - time > SLOPE_S:
                break
            start = time
        return max(start - SLOPE_S / 2, self._last_end)

    def _speed(self) -> float:
        """Return how fast it moves: slope of each joint over the last instants, in bones per second."""
        now = self._frames[-1][0]
        recent = list(takewhile(lambda frame: frame[0] > now - SLOPE_S, reversed(self._frames)))
        if len(recent) < 3 or now - recent[-1][0] < SLOPE_S / 2:
            return 0.0
        joints = np.stack([joints for _, joints, _ in recent])
        seen = np.isfinite(joints[:, :, 0])
        times = np.where(seen, np.array([time - now for time, _, _ in recent])[:, None], 0.0)
        count = np.maximum(seen.sum(axis=0), 1)
        times = np.where(seen, times - times.sum(axis=0) / count, 0.0)
        spread = (times * times).sum(axis=0)
        known = (count >= 3) & (spread > 0)
        if known.sum() < self._anatomy.few:
            return self._frames[-1][2]  # as before
        slopes = (times[:, :, None] * np.where(seen[:, :, None], joints, 0.0)).sum(axis=0)
        slopes[known] /= spread[known, None]
        slopes[~known] = 0.0
        parts = (self._members @ slopes) / np.maximum(self._members @ known, 1)[:, None]
        return float(np.sqrt((parts * parts).sum(axis=1).max())) / self._anatomy.bone(joints)

    def _noise(self) -> float:
        speeds = sorted(speed for _, _, speed in self._frames)
        return min(speeds[int(RESTING_SHARE * len(speeds))], MOST_NOISE)

    def _cut(self, start: float, end: float) -> Segment | None:
        chosen = [frame for frame in self._frames if start <= frame[0] <= end]
        if len(chosen) < _SHORTEST:
            return None
        times = np.array([time for time, _, _ in chosen])
        speeds = np.array([speed for _, _, speed in chosen])
        joints = fill_gaps(np.stack([joints for _, joints, _ in chosen]), times)
        pauses = 1 + np.flatnonzero(
            (speeds[1:-1] < PAUSE) & (speeds[1:-1] <= speeds[:-2]) & (speeds[1:-1] < speeds[2:])
        )
        # The speed at a frame is that of the time before it.
        instants = np.searchsorted(times, times[pauses] - SLOPE_S / 2)
        later = [int(i) for i in instants if 0 < i < len(times) - _SHORTEST]
        return Segment(times, joints, (0, *later[-MOST_PAUSES:]))
