"""What a servo or a motor controller is told: pulses, as radio receivers give them."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST_US, LONGEST_US = 500, 2500
"""No servo wants a pulse beyond these."""


@dataclass(frozen=True, slots=True)
class Channel:
    """How a value of -1 to 1 becomes a pulse, in microseconds.

    Attributes:
        centre: pulse of the value 0: wheels straight, or motor off.
        travel: from the centre to the pulse of the value 1.
        reversed: whether a larger value is a shorter pulse.
        dead_band: from the centre to where it begins to turn; motor controllers ignore what is nearer.
    """

    centre: int = 1500
    travel: int = 400
    reversed: bool = False
    dead_band: int = 0

    def pulse_us(self, value: float) -> int:
        """Return the pulse of a value, which is limited to -1 to 1; not a number is 0."""
        size = min(abs(value), 1.0) if value == value else 0.0
        if not size:
            return self.centre
        offset = self.dead_band + size * (self.travel - self.dead_band)
        pulse = self.centre + round(offset if (value > 0) != self.reversed else -offset)
        return min(max(pulse, SHORTEST_US), LONGEST_US)
