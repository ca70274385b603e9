"""The ground: roads, their markings, kerbs, pavements and meadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from convoy_sim.curve import Curve, Floats, direction
from convoy_sim.kerbs import BAY_DEPTH_M, BAY_LENGTH_M
from convoy_sim.lanes import CROSSING_WIDTH_M, STOP_LINE_M
from convoy_sim.look.mesh import Mesh, Point, join, quads, ribbon, sheet
from convoy_sim.network import JUNCTION_RADIUS_M, LANE_WIDTH_M
from convoy_sim.town import Town

ASPHALT_M = 8.0
PAVING_M = 3.0
GRASS_M = 12.0
"""Metres that the surfaces' pictures show."""
KERB_HEIGHT_M = 0.12
KERB_BAND = 0.08
"""The lowest part of the paving's picture shows kerb stones."""
GRASS_Z = -0.03
FAR_M = 300.0
"""The meadows reach this far out of town."""

_PAINT_Z = 0.012
_LINE_M = 0.12
_STOP_M = 0.4
_SPACING_M = 1.0


@dataclass(frozen=True)
class MarkingStyle:
    """How a town paints its roads: dash and gap of the centre line, metres; its colour, and lines along the edges."""

    dash_m: float
    gap_m: float
    centre: Point
    white: Point
    edges: bool


def road(town: Town) -> Mesh:
    """All that is asphalt. It runs on below the pavements, which hide its edges."""
    parts = []
    for plan in town.network.roads:
        centre = _thinned(plan.centre)
        half = LANE_WIDTH_M + BAY_DEPTH_M + 0.1
        parts.append(_flat_ribbon(centre, half, -half, 0.0))
    kerbs = np.concatenate([footway.kerb for footway in town.footways])
    for junction in town.junctions:
        out = kerbs - junction.xy
        rim = out[np.hypot(*out.T) < np.hypot(JUNCTION_RADIUS_M, LANE_WIDTH_M) + 0.3]
        rim = rim[np.argsort(np.arctan2(rim[:, 1], rim[:, 0]))]
        a, b = rim + junction.xy, np.roll(rim, -1, axis=0) + junction.xy
        middle = np.broadcast_to(junction.xy, a.shape)
        parts.append(quads([_lift(p, 0.0) for p in (middle, a, b, b)], np.zeros(2)))
    mesh = join(parts)
    return _planar(_without_slivers(mesh), ASPHALT_M)


def markings(town: Town, style: MarkingStyle) -> Mesh:
    """All paint on the roads."""
    parts = [_centre_lines(town, style)]
    if style.edges:
        parts.append(_edge_lines(town, style))
    for lane in town.lanes:
        if lane.stop_s is None:
            continue
        x, y, heading = (float(v) for v in lane.curve.at(lane.stop_s))
        if lane.control == "light":
            parts.append(_bar((x, y), heading, _STOP_M, LANE_WIDTH_M - 0.3, style.white))
        else:
            across = direction(heading + np.pi / 2)
            for k in np.arange(-1.35, 1.4, 0.9):
                tooth = np.array([x, y]) + across * k
                parts.append(_bar((float(tooth[0]), float(tooth[1])), heading, _STOP_M, 0.6, style.white))
    for crossing in town.crossings:
        across = direction(crossing.heading + np.pi / 2)
        for k in np.arange(-LANE_WIDTH_M + 0.5, LANE_WIDTH_M - 0.2, 1.0):
            at = crossing.xy + across * k
            parts.append(_bar((float(at[0]), float(at[1])), crossing.heading, CROSSING_WIDTH_M, 0.5, style.white))
    for spot in town.spots:
        for end in (-0.5, 0.5):
            at = np.array([spot.x, spot.y]) + direction(spot.heading) * end * BAY_LENGTH_M
            parts.append(_bar((float(at[0]), float(at[1])), spot.heading, 0.1, BAY_DEPTH_M, style.white))
    return join(parts)


def pavement(town: Town) -> Mesh:
    """Footways with their kerbs."""
    parts = []
    for footway in town.footways:
        keep = _spaced(footway.kerb)
        kerb, edge = footway.kerb[keep], footway.edge[keep]
        u = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(kerb, axis=0).T))]) / PAVING_M
        top = 0.35 * KERB_BAND
        parts.append(ribbon(_lift(kerb, 0.0), _lift(kerb, KERB_HEIGHT_M), _along(u, 0.0, top)))
        parts.append(ribbon(_lift(kerb, KERB_HEIGHT_M), _lift(edge, KERB_HEIGHT_M), _along(u, top, 1.0)))
    return join(parts)


def meadow(town: Town) -> Mesh:
    """The grass that everything stands on, far out of town too."""
    x0, y0, x1, y1 = town.bounds
    # Small pieces: fog is worked out at the corners.
    out = np.array([40.0, 100.0, 180.0, FAR_M])
    lines = [
        np.concatenate([(low - out)[::-1], np.linspace(low, high, round((high - low) / 60)), high + out])
        for low, high in ((x0, x1), (y0, y1))
    ]
    x, y = np.meshgrid(*lines)
    grid = np.stack([x, y, np.full_like(x, GRASS_Z)], axis=-1)
    return _planar(sheet(grid, np.zeros(2), smooth=False), GRASS_M)


def banks(town: Town) -> Mesh:
    """The grass slopes from the pavements down to the meadow."""
    parts = []
    for footway in town.footways:
        keep = _spaced(footway.edge)
        kerb, edge = footway.kerb[keep], footway.edge[keep]
        out = (edge - kerb) / np.maximum(np.hypot(*(edge - kerb).T), 1e-9)[:, None]
        parts.append(ribbon(_lift(edge, KERB_HEIGHT_M), _lift(edge + 0.6 * out, GRASS_Z), np.zeros(2)))
    return _planar(join(parts), GRASS_M)


def _centre_lines(town: Town, style: MarkingStyle) -> Mesh:
    parts = []
    for r, plan in enumerate(town.network.roads):
        curve, length = plan.centre, plan.centre.length
        blocked = [c.road_s for c in town.crossings if c.road == r]
        solid = STOP_LINE_M + 10.0
        for start, end in ((STOP_LINE_M, solid), (length - solid, length - STOP_LINE_M)):
            parts.append(_stripe(curve, start, end, 0.0, style.centre))
        for s in np.arange(solid + style.gap_m, length - solid - style.dash_m, style.dash_m + style.gap_m):
            if all(abs(s + style.dash_m / 2 - at) > (CROSSING_WIDTH_M + style.dash_m) / 2 + 0.3 for at in blocked):
                parts.append(_stripe(curve, s, s + style.dash_m, 0.0, style.centre))
    return join(parts)


def _edge_lines(town: Town, style: MarkingStyle) -> Mesh:
    parts = []
    for r, plan in enumerate(town.network.roads):
        gaps = sorted(c.road_s for c in town.crossings if c.road == r)
        bounds = [STOP_LINE_M] + [s for at in gaps for s in (at - 2.0, at + 2.0)] + [plan.centre.length - STOP_LINE_M]
        for start, end in zip(bounds[::2], bounds[1::2], strict=True):
            if end - start > 2:
                parts += [_stripe(plan.centre, start, end, k * (LANE_WIDTH_M - 0.25), style.white) for k in (-1, 1)]
    return join(parts)


def _stripe(curve: Curve, start: float, end: float, left: float, colour: Point) -> Mesh:
    s = np.linspace(start, end, max(2, int((end - start) / _SPACING_M) + 1))
    x, y, heading = curve.at(s)
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    middle = np.stack([x, y], axis=1) + left * normal
    half = normal * (_LINE_M / 2)
    return ribbon(_lift(middle + half, _PAINT_Z), _lift(middle - half, _PAINT_Z), np.array(colour))


def _bar(xy: tuple[float, float], heading: float, length: float, width: float, colour: Point) -> Mesh:
    along, across = direction(heading) * length / 2, direction(heading + np.pi / 2) * width / 2
    middle = np.array(xy)
    corners = (middle - along - across, middle + along - across, middle + along + across, middle - along + across)
    return quads([_lift(corner[None], _PAINT_Z) for corner in corners], np.array(colour))


def _flat_ribbon(curve: Curve, left: float, right: float, z: float) -> Mesh:
    return ribbon(_lift(curve.offset(left), z), _lift(curve.offset(right), z), np.zeros(2))


def _thinned(curve: Curve) -> Curve:
    keep = _spaced(curve.xy)
    return Curve(curve.xy[keep], curve.heading[keep], curve.curvature[keep], curve.step)


def _spaced(points: Floats) -> np.ndarray:
    """Indices of points about `_SPACING_M` apart, fewer where the line is straight; both ends are kept."""
    chosen = [0]
    heading = np.arctan2(*np.diff(points, axis=0).T[::-1])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    for k in range(1, len(points) - 1):
        turned = abs(np.angle(np.exp(1j * (heading[k] - heading[chosen[-1]]))))
        gone = along[k] - along[chosen[-1]]
        if gone > 8.0 or turned * gone > 0.2 or turned > 0.25:
            chosen.append(k)
    return np.array([*chosen, len(points) - 1])


def _planar(mesh: Mesh, metres: float) -> Mesh:
    return Mesh(mesh.vertices, mesh.normals, mesh.vertices[:, :2] / metres)


def _without_slivers(mesh: Mesh) -> Mesh:
    a, b, c = (mesh.vertices[k::3] for k in range(3))
    keep = np.repeat(np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-6, 3)
    normals = np.broadcast_to([0.0, 0.0, 1.0], mesh.vertices.shape)
    return Mesh(mesh.vertices[keep], normals[keep], mesh.uv[keep])


def _along(u: Floats, low: float, high: float) -> Floats:
    return np.stack([np.stack([u, np.full_like(u, v)], axis=1) for v in (low, high)])


def _lift(xy: ArrayLike, z: float) -> Floats:
    xy = np.asarray(xy, dtype=np.float64)
    return np.concatenate([xy, np.full((len(xy), 1), z)], axis=1)
