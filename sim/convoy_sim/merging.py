"""What never moves, merged: the cost of a picture is above all per drawn thing (about that of 400 triangles).

Pictures and masks need different merging. In a picture all that shares a material can be one mesh per tile of the
town; in masks each class, and each thing with a number of its own, must stay apart. So there are two lists, which show
the same triangles from any place: both use the same tiles and the same distances.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from convoy_sim.classes import Label
from convoy_sim.look.mesh import Mesh, join

FAR_M = 1600.0
"""The far plane; nothing stands beyond two thirds of it."""
TILE_M = 64.0
LEVELS_M = ((0.0, 64.0), (64.0, 160.0), (160.0, 320.0))
"""Levels of detail: the distances of a tile's middle at which each is shown."""
NEAR, MIDDLE, FAR = 0, 1, 2

_THINGS = "things"
Xyz = tuple[float, float, float]


@dataclass(frozen=True)
class Drawable:
    """A mesh at a place, as it is drawn.

    Attributes:
        mesh: its name.
        material: name of its material.
        label: its class, or None for what is seen but is no surface (shadows).
        position, yaw: where it stands.
        near_m, far_m: the distances between which it is drawn.
        anchor: the point that they are measured from; None for the nearest point of the sphere round it.
        instance: its number in instance masks; 0 if it has none.
        emission: 0 to 1, how much it shines by itself.
        see_through: whether its texture's alpha counts.
    """

    mesh: str
    material: str
    label: Label | None
    position: Xyz = (0.0, 0.0, 0.0)
    yaw: float = 0.0
    near_m: float = 0.0
    far_m: float = FAR_M
    anchor: Xyz | None = None
    instance: int = 0
    emission: float = 0.0
    see_through: bool = False


class Merger:
    """Collects meshes; `pictures` and `masks` are the lists, complete after `finish`."""

    def __init__(self) -> None:
        self.meshes: dict[str, Mesh] = {}
        self.pictures: list[Drawable] = []
        self.masks: list[Drawable] = []
        self._parts: dict[tuple[int, int], dict[tuple[Label, tuple[int, ...]], list[Mesh]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._numbered: dict[tuple[int, int], list[tuple[Mesh, tuple[int, ...]]]] = defaultdict(list)
        self._count = 0

    def shape(self, name: str, mesh: Mesh) -> None:
        """Keep a mesh that is drawn by its name."""
        # MuJoCo wants at least four vertices.
        self.meshes[name] = join([mesh, mesh]) if len(mesh) == 1 else mesh

    def surface(
        self, name: str, mesh: Mesh, material: str, label: Label, tile_m: float, far_m: float, emission: float = 0.0
    ) -> None:
        """Add something wide that has a material of its own; it is split into tiles of its own size."""
        for (column, row), part in _split(mesh, tile_m):
            key = f"{name} {column} {row}"
            self.shape(key, part)
            drawable = Drawable(key, material, label, far_m=far_m, emission=emission)
            self.pictures.append(drawable)
            self.masks.append(drawable)

    def shadow(self, mesh: str, material: str, position: Xyz) -> None:
        """Add something see-through that masks do not show."""
        self.pictures.append(Drawable(mesh, material, None, position, see_through=True))

    def thing(self, mesh: Mesh, label: Label, *levels: int) -> None:
        """Add a placed mesh of the material "things", to be shown at these levels of detail."""
        self._parts[_tile(mesh)][label, levels].append(mesh)

    def scattered(self, mesh: Mesh, label: Label, *levels: int) -> None:
        """Add a mesh like `thing`, but split it among the tiles."""
        for tile, part in _split(mesh, TILE_M):
            self._parts[tile][label, levels].append(part)

    def numbered(self, name: str, label: Label, xyz: Xyz, yaw: float, *levels: int) -> Drawable:
        """Add a thing with a number in instance masks, from the mesh of this name."""
        self._count += 1
        placed = self.meshes[name].moved(*xyz, yaw=yaw)
        tile = _tile(placed)
        self._numbered[tile].append((placed, levels))
        drawable = _levelled(Drawable(name, _THINGS, label, xyz, yaw, instance=self._count), tile, levels)
        self.masks.append(drawable)
        return drawable

    def finish(self) -> None:
        """Merge all things."""
        for tile in sorted(self._parts.keys() | self._numbered.keys()):
            parts = self._parts[tile]
            for (label, levels), meshes in parts.items():
                name = f"{label.name} {tile} {levels}"
                self.shape(name, join(meshes))
                self.masks.append(_levelled(Drawable(name, _THINGS, label), tile, levels))
            for level in range(len(LEVELS_M)):
                shown = [mesh for (_, levels), meshes in parts.items() if level in levels for mesh in meshes]
                shown += [mesh for mesh, levels in self._numbered[tile] if level in levels]
                if shown:
                    name = f"{_THINGS} {tile} {level}"
                    self.shape(name, join(shown))
                    # What it is made of has classes; as a whole it has none that would matter.
                    self.pictures.append(_levelled(Drawable(name, _THINGS, None), tile, (level,)))


def _levelled(drawable: Drawable, tile: tuple[int, int], levels: tuple[int, ...]) -> Drawable:
    x, y = ((k + 0.5) * TILE_M for k in tile)
    return Drawable(
        drawable.mesh,
        drawable.material,
        drawable.label,
        drawable.position,
        drawable.yaw,
        LEVELS_M[min(levels)][0],
        LEVELS_M[max(levels)][1],
        (x, y, 0.0),
        drawable.instance,
    )


def _tile(mesh: Mesh) -> tuple[int, int]:
    column, row = np.floor(mesh.vertices[:, :2].mean(axis=0) / TILE_M).astype(int).tolist()
    return column, row


def _split(mesh: Mesh, tile_m: float) -> list[tuple[tuple[int, int], Mesh]]:
    """The triangles of each tile."""
    tiles = np.floor(mesh.vertices.reshape(-1, 3, 3).mean(axis=1)[:, :2] / tile_m).astype(int)
    found = []
    for column, row in np.unique(tiles, axis=0).tolist():
        keep = np.repeat((tiles == (column, row)).all(axis=1), 3)
        found.append(((column, row), Mesh(mesh.vertices[keep], mesh.normals[keep], mesh.uv[keep])))
    return found
