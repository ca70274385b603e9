"""Overlap of outlines."""

from __future__ import annotations

import numpy as np
import pytest

from convoy_sim.outlines import hits, hits_disc, outline


def test_overlap_agrees_with_points_inside() -> None:
    rng = np.random.default_rng(0)
    box = (1.0, 2.0, 0.4, 4.2, 1.8)
    others = np.column_stack([rng.uniform(-4, 6, (400, 2)), rng.uniform(-4, 4, 400), rng.uniform(0.5, 5, (400, 2))])
    found = set(hits(box, others).tolist())
    assert 50 < len(found) < 350
    for at, other in enumerate(others):
        u, v = np.meshgrid(np.linspace(-0.5, 0.5, 60), np.linspace(-0.5, 0.5, 60))
        c, s = np.cos(other[2]), np.sin(other[2])
        x = other[0] + u * other[3] * c - v * other[4] * s - box[0]
        y = other[1] + u * other[3] * s + v * other[4] * c - box[1]
        c, s = np.cos(box[2]), np.sin(box[2])
        inside = (np.abs(x * c + y * s) < box[3] / 2) & (np.abs(y * c - x * s) < box[4] / 2)
        if inside.any():
            assert at in found
        elif at in found:
            # Overlaps at a corner fall between the points.
            assert (np.abs(x * c + y * s) - box[3] / 2).clip(0).min() < 0.1
            assert (np.abs(y * c - x * s) - box[4] / 2).clip(0).min() < 0.1


def test_nothing_is_hit_where_nothing_is() -> None:
    assert len(hits((0, 0, 0, 4, 2), np.empty((0, 5)))) == 0


@pytest.mark.parametrize(("x", "y", "hit"), [(2.2, 0, True), (2.4, 0, False), (0, 1.2, True), (2.25, 1.25, False)])
def test_a_disc_at_a_rectangle(x: float, y: float, hit: bool) -> None:
    assert hits_disc((0, 0, 0, 4, 2), x, y, 0.3) is hit


def test_an_outline_has_its_corners_first() -> None:
    corners = outline(1, 1, np.pi / 2, 4, 2)[:4]
    assert sorted(map(tuple, corners.round(6).tolist())) == [(0, -1), (0, 3), (2, -1), (2, 3)]
