"""What is wrong with a command that arrives: said in one place, for all who pass commands on."""

from __future__ import annotations

import math
from typing import Any

from convoy.interfaces.messages import NANOSECONDS


def fault(drive: Any, stamp_ns: int, now_ns: int, tolerance_s: float, tolerance_name: str) -> str:
    """Say why an ``AckermannDrive`` is not to be followed, whatever came before it; nothing where it is.

    Args:
        stamp_ns, now_ns: of the command, and of the clock.
        tolerance_s: between the two, either way; 0 does not check.
        tolerance_name: the parameter that sets it.
    """
    if not (math.isfinite(drive.steering_angle) and math.isfinite(drive.speed)):
        return f"angle {drive.steering_angle} rad, speed {drive.speed} m/s: not finite"
    late = (now_ns - stamp_ns) / NANOSECONDS
    if tolerance_s and abs(late) > tolerance_s:
        return f"stamped {abs(late):.2f} s {'ago' if late > 0 else 'ahead of the clock'}, more than {tolerance_name}"
    return ""
