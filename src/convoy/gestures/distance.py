"""Steadies how far away hands are, which a single camera sees worst."""

from __future__ import annotations

import math

import numpy as np

from convoy.gestures.anatomy import HAND
from convoy.gestures.identity import FORGOTTEN_AFTER_S


class Distances:
    """Averages each hand's distance over time, with what is `seconds` old counting 1/e of what is new.

    From frame to frame the distance, which is told from how large a hand looks, jumps by centimetres. Read as motion
    that is faster than what a resting hand may have.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._hands: dict[int, tuple[float, float]] = {}

    def steady(self, hand_id: int, time: float, joints: np.ndarray) -> np.ndarray:
        """Return a hand, shape (22, 3) in metres in the camera's optical frame, moved along the line of sight.

        The palm stays where it is in the picture, and the hand keeps its shape and size. `time` is in seconds. A hand
        that was not seen for a while is believed anew, and so is one whose time went back.
        """
        self._hands = {known: hand for known, hand in self._hands.items() if abs(time - hand[0]) <= FORGOTTEN_AFTER_S}
        palm = HAND.place(joints)
        distance = float(palm[2])
        last, kept = self._hands.get(hand_id, (time, distance))
        if self._seconds and time > last:
            kept += (1 - math.exp((last - time) / self._seconds)) * (distance - kept)
        else:
            kept = distance
        self._hands[hand_id] = (time, kept)
        return (joints + palm / palm[2] * (kept - distance)).astype(joints.dtype)
