"""From the positions that a person has found on a vehicle to the parameters of its actuator, and of who commands it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from convoy.devices.errors import CalibrationError

Found = dict[str, Any]
"""Parameters of the `AckermannActuator`, by name."""

PEOPLE = ("joystick", "console")
LIMITED = ("supervisor", *PEOPLE)
"""The nodes that keep to the vehicle's limits, beside its actuator."""


def read_step(text: str, at: int, step: int, lowest: int, highest: int, unit: str) -> int:
    """Return the position that a line asks for: ``+`` and ``-`` move by a step, twice by five, a number goes there.

    Raises:
        CalibrationError: it is none of them, or beyond the limits.
    """
    steps = {"+": step, "-": -step, "++": 5 * step, "--": -5 * step}
    if text in steps:
        wanted = at + steps[text]
    else:
        try:
            wanted = int(text)
        except ValueError:
            raise CalibrationError(
                f"{text!r} is no step; wanted +, -, ++, --, a whole number of {unit}, or Enter to keep {at}"
            ) from None
    if not lowest <= wanted <= highest:
        raise CalibrationError(f"{wanted} {unit} is out of range; wanted {lowest} to {highest}")
    return wanted


def read_number(text: str, default: float, lowest: float, highest: float, what: str) -> float:
    """Return the number that a line says, or the default of an empty one.

    Raises:
        CalibrationError: it is no number, or beyond the limits.
    """
    try:
        value = float(text) if text else default
    except ValueError:
        raise CalibrationError(f"{text!r} is no number; wanted {what}") from None
    if not lowest <= value <= highest:  # nor does NaN
        raise CalibrationError(f"{text!r} is out of range; wanted {what}, {lowest:g} to {highest:g}")
    return value


def steering(centre: int, left: int, right: int) -> Found:
    """Return centre, travel and direction by three pulses in us; the nearer end decides, so that none is overdriven.

    Raises:
        CalibrationError: the ends are not on both sides of the centre.
    """
    if (left - centre) * (right - centre) >= 0:
        raise CalibrationError(
            f"left is {left} us and right {right} us, but straight is {centre} us; wanted one of them on each side"
        )
    travel = min(abs(left - centre), abs(right - centre))
    return {"steering_centre": centre, "steering_travel": travel, "steering_reversed": left < centre}


def throttle(centre: int, starts: int, full: int) -> Found:
    """Return centre, dead band, travel and direction by three pulses in us: off, just moving, and full throttle.

    Raises:
        CalibrationError: they do not lie in this order, one way or the other.
    """
    if not (centre < starts <= full or centre > starts >= full):
        raise CalibrationError(
            f"off is {centre} us, the wheels start at {starts} us, and full throttle is {full} us; "
            "wanted them in this order, up or down"
        )
    return {
        "throttle_centre": centre,
        "throttle_dead_band": abs(starts - centre),
        "throttle_travel": abs(full - centre),
        "throttle_reversed": full < centre,
    }


def motor(full: int) -> Found:
    """Return the speed of a VESC's motor at full throttle, in electrical rpm, and its direction.

    Raises:
        CalibrationError: it is 0.
    """
    if not full:
        raise CalibrationError("full throttle is 0 erpm; wanted the fastest that the motor is ever to turn")
    return {"max_erpm": float(abs(full)), "throttle_reversed": full < 0}


def speeds(full: float, forwards: float, backwards: float) -> Found:
    """Return the limits in m/s.

    Raises:
        CalibrationError: a limit is beyond what the vehicle can do.
    """
    for name, value in (("forwards", forwards), ("backwards", backwards)):
        if value > full:
            raise CalibrationError(f"{value:g} m/s {name} is more than the {full:g} m/s of full throttle")
    return {"full_speed": full, "max_speed": forwards, "max_reverse_speed": backwards}


def angle(degrees: float) -> Found:
    """Return the angle of the wheels at full travel, in rad, rounded to 0.1 degrees."""
    return {"max_steering_angle": round(math.radians(degrees), 4)}


def sections(found: Mapping[str, Any]) -> dict[str, Found]:
    """Return the parameters of all nodes that are to know them, by the node's name."""
    limits = {name: found[name] for name in ("max_steering_angle", "max_speed", "max_reverse_speed")}
    return {"actuator": dict(found)} | {name: dict(limits) for name in LIMITED}
