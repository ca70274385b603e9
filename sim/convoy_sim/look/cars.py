"""Cars: five shapes, lofted from cross-sections, in eight colours."""

from __future__ import annotations

import numpy as np

from convoy_sim.look.atlas import Atlas, Colour
from convoy_sim.look.mesh import Floats, Mesh, box, corners_of, join, lathe, quads
from convoy_sim.look.textures import car_glass
from convoy_sim.scenery import CAR_SIZES_M

PAINT: dict[str, Colour] = {
    "white": (232, 232, 228),
    "silver": (172, 176, 180),
    "grey": (92, 96, 102),
    "black": (34, 34, 38),
    "red": (176, 30, 34),
    "blue": (38, 74, 150),
    "green": (44, 92, 66),
    "beige": (190, 174, 142),
}

# Cross-sections from the tail to the nose: x as a part of the length, the shoulder's and the roof's height as parts of
# the height, the roof's half width as a part of the half width. Where roof and shoulder meet there is no cabin.
_TAIL_NOSE = {
    "hatchback": [
        (-0.5, 0.55, 0.55, 0.9),
        (-0.48, 0.62, 0.64, 0.86),
        (-0.36, 0.64, 0.97, 0.72),
        (-0.05, 0.64, 1.0, 0.72),
        (0.1, 0.63, 0.97, 0.7),
        (0.27, 0.62, 0.64, 0.84),
        (0.46, 0.52, 0.53, 0.84),
        (0.5, 0.4, 0.4, 0.8),
    ],
    "sedan": [
        (-0.5, 0.55, 0.55, 0.86),
        (-0.47, 0.66, 0.67, 0.84),
        (-0.32, 0.67, 0.69, 0.82),
        (-0.17, 0.66, 0.97, 0.7),
        (0.0, 0.65, 1.0, 0.7),
        (0.1, 0.64, 0.97, 0.69),
        (0.25, 0.62, 0.64, 0.84),
        (0.46, 0.52, 0.53, 0.84),
        (0.5, 0.4, 0.4, 0.8),
    ],
    "estate": [
        (-0.5, 0.5, 0.5, 0.9),
        (-0.485, 0.62, 0.64, 0.86),
        (-0.42, 0.64, 0.96, 0.74),
        (-0.05, 0.64, 1.0, 0.72),
        (0.1, 0.63, 0.97, 0.7),
        (0.26, 0.62, 0.64, 0.84),
        (0.46, 0.52, 0.53, 0.84),
        (0.5, 0.4, 0.4, 0.8),
    ],
    "suv": [
        (-0.5, 0.5, 0.5, 0.92),
        (-0.485, 0.6, 0.62, 0.88),
        (-0.42, 0.62, 0.96, 0.78),
        (-0.05, 0.62, 1.0, 0.76),
        (0.14, 0.62, 0.97, 0.74),
        (0.26, 0.61, 0.63, 0.86),
        (0.47, 0.55, 0.56, 0.86),
        (0.5, 0.42, 0.42, 0.84),
    ],
    "van": [
        (-0.5, 0.5, 0.5, 0.95),
        (-0.495, 0.55, 0.96, 0.88),
        (-0.1, 0.55, 1.0, 0.88),
        (0.2, 0.55, 0.98, 0.86),
        (0.36, 0.52, 0.54, 0.88),
        (0.47, 0.44, 0.45, 0.88),
        (0.5, 0.34, 0.34, 0.86),
    ],
}
_CLEARANCE_M = 0.2
_WHEEL_M = 0.32


class Cars:
    """A mesh of every model in every colour; the origin is on the ground below the middle, +x is ahead."""

    def __init__(self, atlas: Atlas) -> None:
        glass = corners_of(atlas.add(car_glass()))
        self._parts = {model: _shell(model, glass, atlas) for model in CAR_SIZES_M}
        self._atlas = atlas

    def mesh(self, model: str, colour: str) -> Mesh:
        """One car."""
        painted, rest = self._parts[model]
        paint = np.array(self._atlas.colour(PAINT[colour]))
        return join([Mesh(painted.vertices, painted.normals, np.broadcast_to(paint, painted.uv.shape)), rest])


def _shell(model: str, glass: Floats, atlas: Atlas) -> tuple[Mesh, Mesh]:
    """The painted part of a car (whose texture coordinates are yet to be set), and the rest."""
    length, width, height = CAR_SIZES_M[model]
    sections = np.array(_TAIL_NOSE[model])
    x = sections[:, 0] * length
    shoulder, roof = sections[:, 1] * height, sections[:, 2] * height
    half = np.full(len(x), width / 2)
    half[[0, -1]] *= 0.9
    inner = half * sections[:, 3]
    cabin = roof - shoulder > 0.1 * height

    def line(y: Floats, z: Floats) -> Floats:
        return np.stack([x, y, z], axis=1)

    sill = np.full(len(x), _CLEARANCE_M)
    belt = sill + (shoulder - sill) * 0.55
    painted, panes = [], []
    for side in (-1, 1):
        rows = [
            line(side * half * 0.97, sill),
            line(side * half, belt),
            line(side * half * 0.96, shoulder),
            line(side * inner, roof),
        ]
        for k in range(3):
            low, high = rows[k], rows[k + 1]
            strip = _strip(low, high) if side < 0 else _strip(high, low)
            if k < 2:
                painted.append(quads(strip, np.zeros(2)))
                continue
            # Above the shoulder: windows where the cabin is, but for the van's cargo hold.
            window = cabin[:-1] | cabin[1:]
            if model == "van":
                window &= x[1:] > 0.15 * length
            panes.append(quads([p[window] for p in strip], glass if side < 0 else glass[[3, 2, 1, 0]]))
            painted.append(quads([p[~window] for p in strip], np.zeros(2)))
    top = _strip(line(-inner, roof), line(inner, roof))
    steep = np.abs(np.diff(roof)) > 0.2 * height
    if model == "van":
        steep[0] = False
    for chosen, into in ((steep, panes), (~steep, painted)):
        into.append(quads([p[chosen] for p in top], glass[[0, 3, 2, 1]] if into is panes else np.zeros(2)))
    for end, reverse in ((0, True), (-1, False)):
        rows = [
            np.array([x[end], y, z])
            for y, z in (
                (-half[end], sill[end]),
                (half[end], sill[end]),
                (half[end] * 0.96, shoulder[end]),
                (-half[end] * 0.96, shoulder[end]),
            )
        ]
        painted.append(quads(rows[::-1] if reverse else rows, np.zeros(2)))
    rest = panes + _details(model, length, width, height, atlas)
    return _tidy(join(painted)), _tidy(join(rest))


def _strip(low: Floats, high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    return low[:-1], low[1:], high[1:], high[:-1]


def _details(model: str, length: float, width: float, height: float, atlas: Atlas) -> list[Mesh]:
    black, rubber = np.array(atlas.colour((24, 24, 26))), np.array(atlas.colour((18, 18, 20)))
    rim, lamp = np.array(atlas.colour((150, 152, 156))), np.array(atlas.colour((240, 242, 236)))
    tail, plate = np.array(atlas.colour((196, 20, 24))), np.array(atlas.colour((236, 232, 210)))
    nose, back = 0.5 * length, -0.5 * length
    low = 0.34 * height
    parts = [
        box((length * 0.96, width * 0.93, 0.12), (0, 0, _CLEARANCE_M + 0.02), black, bottom=True),
        box((0.06, width * 0.9, 0.2), (nose, 0, _CLEARANCE_M + 0.12), black),
        box((0.06, width * 0.9, 0.2), (back, 0, _CLEARANCE_M + 0.12), black),
        box((0.03, width * 0.34, 0.12), (nose + 0.005, 0, low + 0.06), black),
        box((0.03, 0.5, 0.11), (nose + 0.03, 0, low - 0.1), plate),
        box((0.03, 0.5, 0.11), (back - 0.02, 0, low + 0.1), plate),
    ]
    tail_z = 0.46 * height if model in ("sedan", "hatchback") else 0.45 * height
    for side in (-1, 1):
        parts += [
            box((0.12, 0.34, 0.14), (nose - 0.05, side * width * 0.33, low + 0.05), lamp),
            box((0.08, 0.26, 0.2), (back + 0.02, side * width * 0.36, tail_z), tail),
            box((0.1, 0.16, 0.12), (0.16 * length, side * (width / 2 + 0.06), 0.66 * height), black, bottom=True),
        ]
        for axle in (-0.31, 0.31):
            tyre = lathe([(_WHEEL_M, -0.1), (_WHEEL_M, 0.1), (0.04, 0.1)], 12, rubber, smooth=False)
            hub = lathe([(0.2, 0.11), (0.01, 0.115)], 8, rim, smooth=False)
            wheel = join([tyre, hub]).turned(0, -side * np.pi / 2)
            parts.append(wheel.moved(axle * length, side * (width / 2 - 0.09), _WHEEL_M))
    return parts


def _tidy(mesh: Mesh) -> Mesh:
    a, b, c = (mesh.vertices[k::3] for k in range(3))
    keep = np.repeat(np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-7, 3)
    return Mesh(mesh.vertices[keep], mesh.normals[keep], mesh.uv[keep])
