"""Buildings as meshes: walls with whole-front pictures, gabled or flat roofs, chimneys."""

from __future__ import annotations

import numpy as np

from convoy_sim.look.atlas import Atlas
from convoy_sim.look.facades import Facades, House
from convoy_sim.look.mesh import Mesh, Rect, box, corners_of, join, quads
from convoy_sim.scenery import Building

STOREY_M = 3.1
_GROUND_FLOOR_EXTRA_M = 0.5
_EAVES_M = 0.35


def wall_height(building: Building) -> float:
    """Metres from the ground to the eaves."""
    return building.storeys * STOREY_M + _GROUND_FLOOR_EXTRA_M


def total_height(building: Building) -> float:
    """Metres from the ground to the ridge."""
    return wall_height(building) + (0.45 * building.depth if building.roof == "gable" else 0.0)


def building_mesh(building: Building, facades: Facades) -> Mesh:
    """One building, where it stands."""
    house = facades.look(building.quarter, building.storeys, building.style)
    length, depth, height = building.length, building.depth, wall_height(building)
    walls = _walls(length, depth, height, house)
    if building.roof == "gable":
        parts = [walls, _gable(length, depth, height, house), *_chimneys(building, height, facades.atlas)]
    else:
        parts = [walls, _flat(length, depth, height, house, facades)]
    return join(parts).moved(building.x, building.y, -0.03, building.heading)


def _walls(length: float, depth: float, height: float, house: House) -> Mesh:
    x, y = length / 2, depth / 2
    # Counter-clockwise from the front (towards +y, the road).
    corners = np.array([(x, y), (-x, y), (-x, -y), (x, -y)])
    parts = []
    for k, rect in enumerate((house.front, house.side, house.front, house.side)):
        a, b = corners[k], corners[(k + 1) % 4]
        foot = [np.array([*p, z]) for p, z in ((a, 0.0), (b, 0.0), (b, height), (a, height))]
        parts.append(quads(foot, corners_of(rect)))
    return join(parts)


def _gable(length: float, depth: float, height: float, house: House) -> Mesh:
    x, y, rise = length / 2, depth / 2, 0.45 * depth
    drop = rise * _EAVES_M / y
    over = x + _EAVES_M
    ridge = [np.array([s * over, 0.0, height + rise]) for s in (1, -1)]
    parts = []
    for s in (1, -1):
        low = [
            np.array([s * over, s * (y + _EAVES_M), height - drop]),
            np.array([-s * over, s * (y + _EAVES_M), height - drop]),
        ]
        top = ridge if s > 0 else ridge[::-1]
        parts.append(quads((low[0], low[1], top[1], top[0]), corners_of(house.roof)))
        # Seen from below, the eaves are dark.
        parts.append(quads((low[1], low[0], top[0], top[1]), corners_of(_plain(house.roof))))
        end = np.array([[s * x, -s * y, height], [s * x, s * y, height], [s * x, 0.0, height + rise]])
        parts.append(quads((end[0], end[1], end[2], end[2]), corners_of(_plain(house.side))))
    return _trimmed(join(parts))


def _flat(length: float, depth: float, height: float, house: House, facades: Facades) -> Mesh:
    x, y = length / 2, depth / 2
    top = [np.array([a * x, b * y, height]) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    roof = quads(top, corners_of(house.roof if house.roof == facades.flat else facades.flat))
    hut = box(
        (min(4.0, length / 3), min(3.5, depth / 3), 2.4),
        (length * 0.15, 0.0, height + 1.2),
        corners_of(_plain(house.side)),
    )
    return join([roof, hut])


def _chimneys(building: Building, height: float, atlas: Atlas) -> list[Mesh]:
    brick = np.array(atlas.colour((128, 78, 62)))
    rise = 0.45 * building.depth
    places = (-0.36, 0.36) if building.quarter == "old_town" else (0.3,)
    return [
        box((0.9, 0.7, 1.8), (place * building.length, 0.12 * building.depth, height + rise), brick) for place in places
    ]


def _plain(rect: Rect) -> Rect:
    """The middle of a picture of a side wall, where no window is."""
    u0, v0, u1, v1 = rect
    return u0 + 0.42 * (u1 - u0), v0 + 0.3 * (v1 - v0), u0 + 0.58 * (u1 - u0), v0 + 0.7 * (v1 - v0)


def _trimmed(mesh: Mesh) -> Mesh:
    """Without the empty halves of quadrilaterals that are triangles."""
    a, b, c = (mesh.vertices[k::3] for k in range(3))
    keep = np.repeat(np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-9, 3)
    return Mesh(mesh.vertices[keep], mesh.normals[keep], mesh.uv[keep])
