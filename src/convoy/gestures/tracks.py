"""Follows skeletons from frame to frame by where they are, since sources change their ids at will."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convoy.gestures.anatomy import HAND, Anatomy
from convoy.gestures.segmenter import Segment, Segmenter

FORGOTTEN_AFTER_S = 0.5
"""A hand that was out of sight for longer starts anew; so does one whose stamps go back by more."""
FASTEST_M_PER_S = 8.0
SLACK_M = 0.05
SAME_ID_M = 0.08
"""By so much nearer than the one with the same id must another one be, to be taken for it."""
_MOST_TRACKS = 4


@dataclass
class _Track:
    id: int
    place: np.ndarray
    time: float
    segmenter: Segmenter


class Tracks:
    """Keeps one `Segmenter` for each skeleton that is seen, all of one kind.

    A frame belongs to the one that was nearest before, with a preference for the one of its id; hands that swap ids
    are told apart by it. Where none can have come to, there is a new one.
    """

    def __init__(self, rest_s: float, longest_s: float, anatomy: Anatomy = HAND) -> None:
        self._rest_s, self._longest_s, self._anatomy = rest_s, longest_s, anatomy
        self._tracks: list[_Track] = []

    def __len__(self) -> int:
        return len(self._tracks)

    def add(self, skeleton_id: int, time: float, joints: np.ndarray) -> Segment | None:
        """Take a frame: time in seconds, joints in metres, shape (joints, 3), NaN where not seen.

        Returns a movement that has ended with it. A frame with no joint is no news; one that is not newer than the
        last of its skeleton is dropped.
        """
        if not np.isfinite(joints).all(axis=1).any():
            return None
        self._tracks = [track for track in self._tracks if abs(time - track.time) <= FORGOTTEN_AFTER_S]
        place = self._anatomy.place(joints)
        track = self._find(skeleton_id, time, place)
        if track is None:
            track = _Track(skeleton_id, place, -np.inf, Segmenter(self._rest_s, self._longest_s, self._anatomy))
            self._tracks = [*self._tracks[-_MOST_TRACKS + 1 :], track]
        elif time <= track.time:
            return None
        track.id, track.place, track.time = skeleton_id, place, time
        return track.segmenter.add(time, joints)

    def _find(self, skeleton_id: int, time: float, place: np.ndarray) -> _Track | None:
        best, best_cost = None, np.inf
        for track in self._tracks:
            distance = float(np.linalg.norm(track.place - place))
            if distance > FASTEST_M_PER_S * abs(time - track.time) + SLACK_M:
                continue
            if track.id != skeleton_id and time <= track.time:  # it has its frame of this instant
                continue
            cost = distance - (SAME_ID_M if track.id == skeleton_id else 0.0)
            if cost < best_cost:
                best, best_cost = track, cost
        return best
