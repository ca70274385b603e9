"""People on foot: a few outfits, each in the poses of a stride."""

from __future__ import annotations

import numpy as np

from convoy_sim.look.atlas import Atlas, Colour
from convoy_sim.look.mesh import Mesh, box, join, lathe
from convoy_sim.look.textures import Rng

OUTFITS = 8
POSES = 6
STRIDE_M = 1.4
"""Length of a full stride: the poses are spread over it. The last pose is standing."""

_TOPS: tuple[Colour, ...] = (
    (178, 44, 46),
    (40, 74, 132),
    (228, 222, 208),
    (62, 66, 70),
    (198, 156, 60),
    (70, 108, 78),
    (126, 70, 110),
    (96, 140, 176),
)
_LEGS: tuple[Colour, ...] = ((44, 52, 78), (34, 34, 38), (118, 106, 88), (70, 74, 82))
_SKIN: tuple[Colour, ...] = ((226, 180, 150), (196, 146, 112), (142, 96, 68), (96, 64, 46))
_HAIR: tuple[Colour, ...] = ((38, 28, 22), (92, 62, 38), (178, 140, 84), (150, 146, 142))


class People:
    """Meshes by outfit and pose; the origin is on the ground, +x is ahead. The pose `POSES` is standing still."""

    def __init__(self, atlas: Atlas, rng: Rng) -> None:
        tops = rng.permutation(len(_TOPS))
        self._meshes = []
        for outfit in range(OUTFITS):
            colours = [_TOPS[tops[outfit]]] + [
                tuple(kind[int(rng.integers(len(kind)))]) for kind in (_LEGS, _SKIN, _HAIR)
            ]
            height = 1.25 if outfit == OUTFITS - 1 else float(rng.uniform(1.6, 1.85))
            skirt = outfit in (2, 5)
            swings = [*np.sin(2 * np.pi * np.arange(POSES) / POSES), 0.0]
            uv = [np.array(atlas.colour(colour)) for colour in colours]
            shoes = np.array(atlas.colour((40, 34, 32)))
            self._meshes.append([_person(0.5 * swing, height, uv, shoes, skirt) for swing in swings])

    def mesh(self, outfit: int, pose: int) -> Mesh:
        """One person."""
        return self._meshes[outfit][pose]


def _person(swing: float, height: float, uv: list[np.ndarray], shoes: np.ndarray, skirt: bool) -> Mesh:
    top, legs, skin, hair = uv
    parts = []
    for side in (-1, 1):
        leg = join(
            [
                lathe([(0.055, -0.8), (0.075, -0.42), (0.095, 0.0)], 5, skin if skirt else legs),
                box((0.25, 0.1, 0.08), (0.05, 0.0, -0.83), shoes, bottom=True),
            ]
        )
        parts.append(leg.turned(1, -side * swing).moved(0.0, side * 0.1, 0.87))
        arm = join(
            [
                lathe([(0.036, -0.52), (0.045, -0.26), (0.062, 0.0)], 5, top),
                lathe([(0.008, -0.62), (0.042, -0.57), (0.036, -0.5)], 4, skin),
            ]
        )
        parts.append(arm.turned(1, side * swing * 0.8).turned(0, -side * 0.07).moved(0.0, side * 0.24, 1.4))
    torso = [(0.15, 0.82), (0.16, 1.0), (0.2, 1.38), (0.15, 1.45), (0.05, 1.49)]
    parts.append(lathe(torso, 8, top).moved(0, 0, 0, scale=(0.68, 1.08, 1.0)))
    if skirt:
        parts.append(lathe([(0.25, 0.48), (0.15, 0.95)], 9, legs).moved(0, 0, 0, scale=(0.85, 1.0, 1.0)))
    else:
        parts.append(lathe([(0.13, 0.76), (0.165, 0.9)], 9, legs).moved(0, 0, 0, scale=(0.72, 1.08, 1.0)))
    parts.append(lathe([(0.055, 1.45), (0.05, 1.56)], 5, skin))
    angle = np.linspace(-np.pi / 2, np.pi / 2, 5)
    head = np.stack([0.095 * np.cos(angle), 0.125 * np.sin(angle)], axis=1)
    parts.append(lathe(head, 7, skin).moved(0.01, 0, 1.64))
    cap = np.stack([0.105 * np.cos(angle[1:]), 0.12 * np.sin(angle[1:])], axis=1)
    parts.append(lathe(cap, 7, hair).moved(-0.02, 0, 1.665))
    whole = join(parts)
    low = whole.vertices[:, 2].min()
    return whole.moved(0, 0, -low).moved(0, 0, 0, scale=height / 1.78)
