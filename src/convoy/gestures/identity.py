"""Gives hands ids that stay with them, for sources that have none."""

from __future__ import annotations

import numpy as np

FORGOTTEN_AFTER_S = 0.5
FURTHEST_M = 0.35
"""A hand that is further than this from where one was is another hand."""


class Identities:
    """Remembers where each hand was last."""

    def __init__(self) -> None:
        self._hands: dict[int, tuple[float, np.ndarray]] = {}
        self._next = 1

    def assign(self, time: float, wrists: np.ndarray) -> list[int]:
        """Return an id for each of the hands seen at a time in seconds: nearest first, new ones where none was near.

        `wrists` is in metres, shape (hands, 3).
        """
        self._hands = {i: hand for i, hand in self._hands.items() if abs(time - hand[0]) <= FORGOTTEN_AFTER_S}
        pairs = sorted(
            (float(np.linalg.norm(wrist - place)), number, known)
            for number, wrist in enumerate(wrists)
            for known, (_, place) in self._hands.items()
        )
        ids: dict[int, int] = {}
        for distance, number, known in pairs:
            if distance <= FURTHEST_M and number not in ids and known not in ids.values():
                ids[number] = known
        for number in range(len(wrists)):
            if number not in ids:
                ids[number] = self._next
                self._next += 1
            self._hands[ids[number]] = (time, wrists[number])
        return [ids[number] for number in range(len(wrists))]
