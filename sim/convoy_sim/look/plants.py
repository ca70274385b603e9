"""Trees and hedges."""

from __future__ import annotations

import numpy as np

from convoy_sim.look.atlas import Atlas
from convoy_sim.look.mesh import Floats, Mesh, Rect, box, corners_of, join, lathe
from convoy_sim.look.textures import Rng, bark, leaves
from convoy_sim.scenery import TREES, Prop

_SHAPES_EACH = 3
_GREENS = {"broad": (98, 140, 56), "round": (86, 132, 58), "conifer": (58, 98, 64), "poplar": (116, 152, 62)}
# Middle, radius and half height of the parts of a crown, for a tree of 1 m.
_BLOBS: dict[str, list[tuple[float, float, float, float, float]]] = {
    "broad": [
        (0, 0, 0.66, 0.27, 0.26),
        (0.15, 0.06, 0.56, 0.2, 0.18),
        (-0.13, 0.1, 0.58, 0.2, 0.18),
        (0.02, -0.16, 0.55, 0.19, 0.17),
    ],
    "round": [(0, 0, 0.64, 0.26, 0.32), (0.08, 0.05, 0.5, 0.2, 0.18)],
    "poplar": [(0, 0, 0.56, 0.13, 0.43)],
}


class Plants:
    """Shapes of trees (1 m high, to be scaled) and hedges, in the colours of one town."""

    def __init__(self, atlas: Atlas, rng: Rng) -> None:
        trunk = np.array(corners_of(atlas.add(bark(rng))))
        self._trees: dict[str, list[Mesh]] = {}
        self._far_trees: dict[str, Mesh] = {}
        season = rng.normal(0, (9, 5, 5))
        for species in TREES:
            colour = np.array(_GREENS[species]) + season + rng.normal(0, 5, 3)
            leaf = atlas.add(leaves(rng, colour, needles=species == "conifer"))
            self._trees[species] = [_tree(species, leaf, trunk, rng) for _ in range(_SHAPES_EACH)]
            self._far_trees[species] = _far_tree(species, leaf, trunk)
        self._hedge = corners_of(atlas.add(leaves(rng, (78, 108, 52))))

    def tree(self, prop: Prop) -> Mesh:
        """A tree, where it stands."""
        # Any number that differs from tree to tree will do to tell the shapes apart.
        shape = int(abs(prop.x * 7 + prop.y * 13)) % _SHAPES_EACH
        return self._trees[prop.variant][shape].repeated([(prop.x, prop.y, -0.03, prop.heading, prop.size)])

    def far_tree(self, prop: Prop) -> Mesh:
        """A tree, where it stands, as it looks from afar."""
        place = [(prop.x, prop.y, -0.03, prop.heading, prop.size)]
        return self._far_trees[prop.variant].repeated(place)

    def hedge(self, prop: Prop) -> Mesh:
        """A hedge, where it stands."""
        return box((prop.size, 0.8, 1.15), (0, 0, 0.55), self._hedge).moved(prop.x, prop.y, 0.0, prop.heading)


def crown_radius(prop: Prop) -> float:
    """About how far a tree's crown reaches out, metres."""
    return prop.size * {"broad": 0.36, "round": 0.3, "conifer": 0.24, "poplar": 0.15}[prop.variant]


def _tree(species: str, leaf: Rect, trunk: Floats, rng: Rng) -> Mesh:
    parts = [lathe([(0.028, 0.0), (0.02, 0.25), (0.012, 0.5)], 6, trunk)]
    if species == "conifer":
        for low, radius in ((0.14, 0.23), (0.36, 0.18), (0.58, 0.12)):
            parts.append(
                _rough(
                    lathe([(radius, low), (0.5 * radius, low + 0.22), (0.004, low + 0.42)], 8, corners_of(leaf)),
                    rng,
                    0.012,
                )
            )
        return join(parts)
    for x, y, z, radius, height in _BLOBS[species]:
        turn = rng.uniform(0, 2 * np.pi)
        c, s = np.cos(turn), np.sin(turn)
        parts.append(_blob(radius, height, leaf, rng).moved(x * c - y * s, x * s + y * c, z))
    return join(parts)


def _far_tree(species: str, leaf: Rect, trunk: Floats) -> Mesh:
    trunk_mesh = lathe([(0.028, 0.0), (0.012, 0.5)], 3, trunk)
    if species == "conifer":
        return join([trunk_mesh, lathe([(0.2, 0.16), (0.12, 0.55), (0.004, 1.0)], 6, corners_of(leaf))])
    radius, height, z = {"broad": (0.32, 0.29, 0.61), "round": (0.27, 0.33, 0.62), "poplar": (0.13, 0.43, 0.56)}[
        species
    ]
    return join([trunk_mesh, _ball(radius, height, leaf, 4, 6).moved(0.0, 0.0, z)])


def _blob(radius: float, height: float, leaf: Rect, rng: Rng) -> Mesh:
    return _rough(_ball(radius, height, leaf, 5, 7), rng, 0.16 * radius)


def _ball(radius: float, height: float, leaf: Rect, rings: int, sides: int) -> Mesh:
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings)
    profile = np.stack([radius * np.cos(angle), height * np.sin(angle)], axis=1)
    return lathe(profile, sides, corners_of(leaf))


def _rough(mesh: Mesh, rng: Rng, amount: float) -> Mesh:
    """Push the vertices about, equal ones alike, so that the surface stays closed."""
    keys = np.round(mesh.vertices, 6)
    _, inverse = np.unique(keys, axis=0, return_inverse=True)
    which = inverse.reshape(-1)
    push = rng.normal(0, amount, (int(which.max()) + 1, 3))
    return Mesh(mesh.vertices + push[which], mesh.normals, mesh.uv)
