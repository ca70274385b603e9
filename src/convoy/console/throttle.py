"""From how far a person holds the throttle to the speed that the vehicle is to have."""

from __future__ import annotations


class Throttle:
    """A key is down or up; a car's speed is neither. Speeds are m/s, rates m/s^2, the throttle is in -1..1."""

    def __init__(self, forwards: float, backwards: float, acceleration: float, coasting: float, braking: float) -> None:
        self.speed = 0.0
        self._forwards, self._backwards = forwards, backwards
        self._acceleration, self._coasting, self._braking = acceleration, coasting, braking

    def move(self, throttle: float, seconds: float) -> float:
        """Return the speed after the throttle was held for so long. Backwards brakes first, and reverses from rest."""
        wanted = throttle * (self._forwards if throttle > 0 else self._backwards)
        if throttle * self.speed < 0:
            rate, wanted = self._braking, 0.0
        elif abs(wanted) > abs(self.speed):
            rate = self._acceleration
        else:
            rate = self._coasting
        step = rate * seconds
        self.speed += min(max(wanted - self.speed, -step), step)
        return self.speed

    def rest(self) -> None:
        """Let go of it."""
        self.speed = 0.0
