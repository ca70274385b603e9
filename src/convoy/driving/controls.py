"""What a person holds: a stick or a page, and what of its movements counts as wanting to drive."""

from __future__ import annotations


class Controls:
    """The newest command of one device in a person's hands, and whether it is there at all.

    Input is a steering angle or a speed that is further from rest than a dead band, and further than what was held
    when control went elsewhere, or when the device was first heard: whoever hands over with a thumb on the throttle
    has not taken over again, and a device that comes back with its stick held down does not set the vehicle going.
    Letting go is never input.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.angle = self.speed = 0.0
        self.stamp: int | None = None
        """Of the newest command, however long ago."""
        self.heard: int | None = None
        """When it was last known to be there, in ns of the clock; none while it is silent."""
        self._held_angle = self._held_speed = 0.0

    def hear(self, angle: float, speed: float, stamp: int, now: int) -> None:
        """Take over a command that is finite and newer than the last."""
        first = self.heard is None
        self.angle, self.speed = angle, speed
        self.stamp, self.heard = stamp, min(stamp, now)
        if first:
            self.let_go()
        self._held_angle = _towards_rest(self._held_angle, angle)
        self._held_speed = _towards_rest(self._held_speed, speed)

    def let_go(self) -> None:
        """Count what is held now as no input: control goes elsewhere."""
        self._held_angle, self._held_speed = self.angle, self.speed

    def forget(self) -> None:
        """Take note that the device is silent."""
        self.heard = None

    def steers(self, dead_band: float) -> bool:
        """Tell whether there is input on the steering."""
        return _is_beyond(self.angle, self._held_angle, dead_band)

    def drives(self, dead_band: float) -> bool:
        """Tell whether there is input on the throttle."""
        return _is_beyond(self.speed, self._held_speed, dead_band)


def _towards_rest(held: float, value: float) -> float:
    return min(max(value, min(held, 0.0)), max(held, 0.0))


def _is_beyond(value: float, held: float, dead_band: float) -> bool:
    return not min(held, 0.0) - dead_band <= value <= max(held, 0.0) + dead_band
