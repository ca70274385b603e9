"""The last moment to brake, by what a range sensor sees on the way ahead; the same when driving and in training."""

from __future__ import annotations

import math
from collections import deque

STANDING_GAP_M = 0.5
"""What is to be left between the vehicle and what it stops for."""
WINDOW_S = 0.2
"""How fast something comes nearer is taken over this time, so that a range's noise counts for less."""
FASTEST_MPS = 60.0
"""A range that changes faster is that of another thing."""
RELEASE_S = 0.5
"""There must be so much more time before the vehicle is let go again."""
_LEAVES_MPS = 0.2


def must_brake(distance: float, closing: float, min_time: float, deceleration: float) -> bool:
    """Whether the time to a collision is shorter than braking takes, and `min_time` more.

    It is, too, within `STANDING_GAP_M` of what does not go away.

    Args:
        distance: to what is ahead, m.
        closing: how fast it comes nearer, m/s.
        min_time: s, for what is late: sensing, deciding, brakes.
        deceleration: that the brakes are good for, m/s^2.
    """
    free = distance - STANDING_GAP_M
    if free <= 0.0:
        return closing > -_LEAVES_MPS
    return closing > 0.0 and free < closing * (min_time + closing / (2 * deceleration))


class Shield:
    """Follows the ranges ahead and says when to brake.

    Attributes:
        min_time, deceleration: as for `must_brake`. braking: what was said last.
        interventions: how often braking began.

    Something new in the way is taken to stand until it has been measured twice. What comes towards the vehicle counts
    as if it stood: at the speeds of two cars that are about to pass each other in a bend, braking would be the danger.
    """

    def __init__(self, min_time: float, deceleration: float) -> None:
        self.min_time, self.deceleration = min_time, deceleration
        self.reset()

    def reset(self) -> None:
        """Begin anew, and count interventions from zero."""
        self.forget()
        self.interventions = 0

    def forget(self) -> None:
        """Forget what was seen, as when time jumps or no more ranges come."""
        self._seen: deque[tuple[float, float]] = deque()
        self.braking = False

    def see(self, time_s: float, distance: float) -> None:
        """Take in a range in m, infinite with nothing in reach; `time_s` is when it was measured."""
        seen = self._seen
        if math.isinf(distance):
            seen.clear()
            return
        if seen and (time_s <= seen[-1][0] or abs(distance - seen[-1][1]) > FASTEST_MPS * (time_s - seen[-1][0])):
            seen.clear()
        seen.append((time_s, distance))
        while len(seen) > 2 and time_s - seen[0][0] > WINDOW_S:
            seen.popleft()

    def brakes(self, speed: float) -> bool:
        """Whether to brake now, though `speed` (m/s, forwards) is wanted; begins or ends an intervention."""
        before = self.braking
        if not self._seen or speed <= 0.0:
            self.braking = False
            return False
        (since, was), (at, distance) = self._seen[0], self._seen[-1]
        closing = min((was - distance) / (at - since), speed) if at > since else speed
        spare = RELEASE_S if before else 0.0
        self.braking = must_brake(distance, closing, self.min_time + spare, self.deceleration)
        self.interventions += self.braking and not before
        return self.braking
