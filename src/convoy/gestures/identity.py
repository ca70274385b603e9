"""Gives hands ids that stay with them, for sources that have none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FORGOTTEN_AFTER_S = 0.5
FURTHEST_M = 0.35
"""A hand that is further than this from where one was is another hand."""
SAME_PLACE = 0.6
"""Hands whose centres are nearer to each other than this share of their radius are one, found twice."""


def distinct(hands: Sequence[np.ndarray], scores: Sequence[float]) -> list[int]:
    """Return which of some hands are no second finding of another: of two at one place that of the better score.

    `hands` are joints in metres in a camera's optical frame, shape (joints, 3) each. Places are those in the picture:
    the same hand may be found at two distances.
    """
    seen = [hand[:, :2] / hand[:, 2:] for hand in hands]
    centres = [points.mean(axis=0) for points in seen]
    radii = [np.linalg.norm(points - centre, axis=1).mean() for points, centre in zip(seen, centres, strict=True)]
    kept: list[int] = []
    for number in sorted(range(len(hands)), key=lambda number: -scores[number]):
        apart = [float(np.linalg.norm(centres[number] - centres[other])) for other in kept]
        if all(far > SAME_PLACE * max(radii[number], radii[k]) for far, k in zip(apart, kept, strict=True)):
            kept.append(number)
    return sorted(kept)


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
