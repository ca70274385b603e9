"""Outlines of cars and things on the ground, and which of them overlap."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from convoy_sim.curve import Floats


def outline(x: float, y: float, heading: float, length: float, width: float) -> Floats:
    """(8, 2) corners of a rectangle and the middles of its sides."""
    u = np.array([1, 1, -1, -1, 1, -1, 0, 0]) * (length / 2)
    v = np.array([1, -1, 1, -1, 0, 0, 1, -1]) * (width / 2)
    c, s = math.cos(heading), math.sin(heading)
    return np.stack([x + u * c - v * s, y + u * s + v * c], axis=1)


def hits(box: tuple[float, float, float, float, float], others: Floats) -> NDArray[np.intp]:
    """Which of (N, 5) rectangles (x, y, heading, length, width) overlap a rectangle."""
    x, y, _, length, width = box
    dx, dy = others[:, 0] - x, others[:, 1] - y
    reach = (math.hypot(length, width) + np.hypot(others[:, 3], others[:, 4])) / 2
    near = np.flatnonzero(dx * dx + dy * dy < reach * reach)
    return near[[_overlap(box, others[at]) for at in near.tolist()]] if len(near) else near


def hits_disc(box: tuple[float, float, float, float, float], x: float, y: float, radius: float) -> bool:
    """Whether a disc overlaps a rectangle."""
    c, s = math.cos(box[2]), math.sin(box[2])
    dx, dy = x - box[0], y - box[1]
    ahead = max(abs(dx * c + dy * s) - box[3] / 2, 0.0)
    aside = max(abs(dy * c - dx * s) - box[4] / 2, 0.0)
    return ahead * ahead + aside * aside < radius * radius


def _overlap(a: tuple[float, ...], b: Floats) -> bool:
    """Separating axes of two rectangles."""
    bx, by, b_heading, b_length, b_width = b.tolist()
    dx, dy = bx - a[0], by - a[1]
    turn = b_heading - a[2]
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    for heading, own, other in (
        (a[2], (a[3], a[4]), (b_length, b_width)),
        (b_heading, (b_length, b_width), (a[3], a[4])),
    ):
        ch, sh = math.cos(heading), math.sin(heading)
        ahead, aside = abs(dx * ch + dy * sh), abs(dy * ch - dx * sh)
        if ahead > (own[0] + other[0] * c + other[1] * s) / 2 or aside > (own[1] + other[0] * s + other[1] * c) / 2:
            return False
    return True
