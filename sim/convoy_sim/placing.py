"""Drawables with all that drawing and culling them needs, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convoy_sim.assets import Assets, MeshInfo
from convoy_sim.curve import Floats
from convoy_sim.merging import TILE_M, Drawable


@dataclass(frozen=True, eq=False)
class Brush:
    """What MuJoCo is told of a drawable, but for its place. Equal ones are the same object.

    Attributes:
        mesh: its mesh.
        data, material: numbers of its display list and of its material.
        segment: what `mjvGeom.segid` is set to. MuJoCo writes this plus 1 as a colour, lowest byte in red: there we
            put the class, then the instance. -1: not in masks.
        emission: how much it shines. alpha: below 1 MuJoCo sorts it and blends it.
        near_m, far_m: the distances between which it is drawn.
    """

    mesh: MeshInfo
    data: int
    material: int
    segment: int
    emission: float
    alpha: float
    near_m: float
    far_m: float


@dataclass(frozen=True, eq=False)
class Placed:
    """N drawables in their places.

    Attributes:
        brushes: what they look like.
        positions, turns: (N, 3) and (N, 9) places of their meshes' own frames.
        centres, radii: (N, 3) and (N,) of the spheres round them.
        anchors, near, far: (N, 3) the points that distances are measured from, and (N,) their bounds.
    """

    brushes: tuple[Brush, ...]
    positions: Floats
    turns: Floats
    centres: Floats
    radii: Floats
    anchors: Floats
    near: Floats
    far: Floats

    def in_sight(self, planes: Floats, eye: Floats) -> list[int]:
        """Indices of those that the planes' inner side and the distance leave."""
        square = np.square(self.anchors - eye).sum(axis=1)
        between = (square >= self._near_square) & (square < self._far_square)
        inside = ((self.centres - eye) @ planes.T).min(axis=1) > -self.radii
        found: list[int] = np.flatnonzero(between & inside).tolist()
        return found

    @cached_property
    def _near_square(self) -> Floats:
        return self.near * self.near

    @cached_property
    def _far_square(self) -> Floats:
        return self.far * self.far


class Placer:
    """Turns drawables into what is drawn. Nothing is drawn beyond `fog_m`."""

    def __init__(self, assets: Assets, fog_m: float) -> None:
        self._assets, self._fog_m = assets, 1.02 * fog_m
        self._brushes: dict[tuple[str, str, int, float, bool, float, float], Brush] = {}

    def still(self, drawables: Sequence[Drawable]) -> Placed:
        """What never moves."""
        places = np.array([(*drawable.position, drawable.yaw) for drawable in drawables])
        placed = self.moving([self.brush(drawable) for drawable in drawables], places)
        anchored = np.array([drawable.anchor is not None for drawable in drawables])
        anchors = np.array([drawable.anchor or (0.0, 0.0, 0.0) for drawable in drawables])
        far = np.array([drawable.far_m for drawable in drawables])
        return Placed(
            placed.brushes,
            placed.positions,
            placed.turns,
            placed.centres,
            placed.radii,
            np.where(anchored[:, None], anchors, placed.centres),
            placed.near,
            # What hangs on an anchor reaches out from it by a tile at most.
            np.where(anchored, np.minimum(far, self._fog_m + TILE_M), placed.far),
        )

    def moving(self, brushes: Sequence[Brush], places: ArrayLike) -> Placed:
        """Things at (N, 4) places: x, y, z and yaw."""
        at = np.asarray(places, dtype=np.float64).reshape(-1, 4)
        c, s = np.cos(at[:, 3]), np.sin(at[:, 3])
        turn = np.zeros((len(at), 3, 3))
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = c, -s, s, c, 1.0
        own = np.array([brush.mesh.numbers for brush in brushes]).reshape(-1, 16)
        position, centre = ((turn @ own[:, k : k + 3, None])[:, :, 0] + at[:, :3] for k in (0, 3))
        turns = (turn @ own[:, 6:15].reshape(-1, 3, 3)).reshape(-1, 9)
        radii = own[:, 15]
        near = np.array([brush.near_m for brush in brushes])
        far = np.minimum([brush.far_m for brush in brushes], self._fog_m) + radii
        return Placed(tuple(brushes), position, turns, centre, radii, centre, near, far)

    def brush(self, drawable: Drawable) -> Brush:
        """What MuJoCo is told of a drawable."""
        d = drawable
        segment = -1 if d.label is None else (d.instance << 8 | d.label) - 1
        key = (d.mesh, d.material, segment, d.emission, d.see_through, d.near_m, d.far_m)
        found = self._brushes.get(key)
        if found is None:
            mesh, material = self._assets.meshes[d.mesh], self._assets.materials[d.material]
            alpha = 0.99 if d.see_through else 1.0
            found = Brush(mesh, 2 * mesh.id, material, segment, d.emission, alpha, d.near_m, d.far_m)
            self._brushes[key] = found
        return found


def planes_of(rectangle: tuple[float, float, float, float], axes: Floats) -> NDArray[np.float64]:
    """(5, 3) inward normals of the planes through an eye that bound its view, and of the one behind it.

    `rectangle` is left, right, top, bottom of what it shows on the plane at distance 1; `axes` (3, 3) holds its axes to
    the right, down and ahead as columns.
    """
    left, right, top, bottom = rectangle
    normals = np.array([(1, 0, -left), (-1, 0, right), (0, 1, -top), (0, -1, bottom), (0, 0, 1)], dtype=np.float64)
    normals /= np.sqrt(np.square(normals).sum(axis=1, keepdims=True))
    return np.asarray(normals @ axes.T)
