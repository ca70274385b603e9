"""Triangle meshes with flat or given normals and texture coordinates, made and joined as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Point = tuple[float, float]
"""A texture coordinate: u to the right, v upwards, in [0, 1] over the picture."""
Rect = tuple[float, float, float, float]
"""A part of a texture: least u, least v, greatest u, greatest v."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles, three vertices each, nothing shared.

    Attributes:
        vertices: (3T, 3) metres.
        normals: (3T, 3) of unit length.
        uv: (3T, 2) texture coordinates.
    """

    vertices: Floats
    normals: Floats
    uv: Floats

    def __len__(self) -> int:
        return len(self.vertices) // 3

    def moved(self, x: float, y: float, z: float = 0.0, yaw: float = 0.0, scale: ArrayLike = 1.0) -> Mesh:
        """Scaled, then turned about the vertical, then moved."""
        scale = np.broadcast_to(np.asarray(scale, dtype=np.float64), 3)
        turn = _yaw(np.array([yaw]))[0]
        normals = self.normals / scale
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return Mesh(self.vertices * scale @ turn.T + [x, y, z], normals @ turn.T, self.uv)

    def turned(self, axis: int, angle: float) -> Mesh:
        """Turned about x (0), y (1) or z (2), radians."""
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
        return Mesh(self.vertices @ turn.T, self.normals @ turn.T, self.uv)

    def repeated(self, places: ArrayLike) -> Mesh:
        """A copy at each of (N, 5) places: x, y, z, yaw, scale."""
        places = np.asarray(places, dtype=np.float64).reshape(-1, 5)
        turn = _yaw(places[:, 3])
        vertices = np.einsum("nij,vj->nvi", turn * places[:, 4, None, None], self.vertices) + places[:, None, :3]
        normals = np.einsum("nij,vj->nvi", turn, self.normals)
        return Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), np.tile(self.uv, (len(places), 1)))


EMPTY = Mesh(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2)))


def join(meshes: Iterable[Mesh]) -> Mesh:
    """All in one."""
    parts = [mesh for mesh in meshes if len(mesh)]
    if not parts:
        return EMPTY
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.uv for part in parts]),
    )


def quads(points: Iterable[ArrayLike], uv: ArrayLike) -> Mesh:
    """Flat quadrilaterals from four (N, 3) or (3,) corners, counter-clockwise seen from outside.

    `uv` is one point, (4, 2) for all or (N, 4, 2).
    """
    corners = np.stack([np.atleast_2d(np.asarray(p, dtype=np.float64)) for p in points], axis=1)
    coordinates = np.broadcast_to(np.asarray(uv, dtype=np.float64), (len(corners), 4, 2))
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    order = [0, 1, 2, 0, 2, 3]
    return Mesh(
        corners[:, order].reshape(-1, 3),
        np.repeat(normals, 6, axis=0),
        coordinates[:, order].reshape(-1, 2),
    )


def corners_of(rect: Rect) -> Floats:
    """(4, 2) a texture's part, for the corners of a quadrilateral that begins at its lower left."""
    u0, v0, u1, v1 = rect
    return np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])


def box(size: ArrayLike, centre: ArrayLike, uv: ArrayLike, bottom: bool = False) -> Mesh:
    """A box of full `size`; every face shows `uv` (a point, or (4, 2) corners)."""
    h = np.asarray(size, dtype=np.float64) / 2
    middle = np.asarray(centre, dtype=np.float64)
    p = {(i, j, k): np.array([i, j, k]) * h + middle for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)}
    faces = [
        (p[1, -1, -1], p[1, 1, -1], p[1, 1, 1], p[1, -1, 1]),
        (p[-1, 1, -1], p[-1, -1, -1], p[-1, -1, 1], p[-1, 1, 1]),
        (p[1, 1, -1], p[-1, 1, -1], p[-1, 1, 1], p[1, 1, 1]),
        (p[-1, -1, -1], p[1, -1, -1], p[1, -1, 1], p[-1, -1, 1]),
        (p[-1, -1, 1], p[1, -1, 1], p[1, 1, 1], p[-1, 1, 1]),
    ]
    if bottom:
        faces.append((p[-1, 1, -1], p[1, 1, -1], p[1, -1, -1], p[-1, -1, -1]))
    return quads([np.array(corner) for corner in zip(*faces, strict=True)], uv)


def lathe(profile: ArrayLike, sides: int, uv: ArrayLike, smooth: bool = True) -> Mesh:
    """Turn a profile of (radius, z) points, from bottom to top, about the vertical.

    `uv` is one point, or the (4, 2) corners of a part that is laid once round it.
    """
    profile = np.asarray(profile, dtype=np.float64)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    grid = np.concatenate(
        [profile[:, None, :1] * ring[None], np.broadcast_to(profile[:, None, 1:], (len(profile), sides + 1, 1))], axis=2
    )
    return sheet(grid, uv, smooth)


def sheet(grid: Floats, uv: ArrayLike, smooth: bool = True) -> Mesh:
    """A surface through a (rows, columns, 3) grid of points; outside is where columns run to the right, rows up.

    `uv` is one point, the (4, 2) corners of a part that is stretched over it, or (rows, columns, 2).
    """
    rows, columns = grid.shape[:2]
    laid = np.asarray(uv, dtype=np.float64)
    if laid.ndim == 1:
        laid = np.broadcast_to(laid, (rows, columns, 2))
    elif laid.shape == (4, 2):
        t, s = np.linspace(0, 1, rows)[:, None, None], np.linspace(0, 1, columns)[None, :, None]
        laid = (1 - t) * ((1 - s) * laid[0] + s * laid[1]) + t * ((1 - s) * laid[3] + s * laid[2])
    at = ((0, 0), (0, 1), (1, 1), (1, 0))

    def corner(values: Floats, k: int) -> Floats:
        r, c = at[k]
        return values[r : rows - 1 + r, c : columns - 1 + c].reshape(-1, values.shape[-1])

    coordinates = np.stack([corner(laid, k) for k in range(4)], axis=1)
    mesh = quads([corner(grid, k) for k in range(4)], coordinates)
    if smooth:
        along, up = np.gradient(grid, axis=1), np.gradient(grid, axis=0)
        if np.allclose(grid[:, 0], grid[:, -1]):
            along[:, 0] = along[:, -1] = grid[:, 1] - grid[:, -2]
        normals = np.cross(along, up)
        length = np.linalg.norm(normals, axis=2, keepdims=True)
        normals = np.where(length > 1e-9, normals / np.maximum(length, 1e-12), 0)
        stacked = np.stack([corner(normals, k) for k in range(4)], axis=1)[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
        pole = np.linalg.norm(stacked, axis=1) < 0.5
        stacked[pole] = mesh.normals[pole]
        mesh = Mesh(mesh.vertices, stacked, mesh.uv)
    area = np.linalg.norm(
        np.cross(mesh.vertices[1::3] - mesh.vertices[::3], mesh.vertices[2::3] - mesh.vertices[::3]), axis=1
    )
    keep = np.repeat(area > 1e-9, 3)
    return Mesh(mesh.vertices[keep], mesh.normals[keep], mesh.uv[keep])


def ribbon(left: ArrayLike, right: ArrayLike, uv: ArrayLike) -> Mesh:
    """A strip between two lines of (N, 3) points, left and right seen from above in their direction.

    `uv` is one point, or (2, N, 2): of the left and of the right line.
    """
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    uv = np.asarray(uv, dtype=np.float64)
    if uv.ndim > 1:
        uv = np.stack([uv[1, :-1], uv[1, 1:], uv[0, 1:], uv[0, :-1]], axis=1)
    return quads((right[:-1], right[1:], left[1:], left[:-1]), uv)


def _yaw(angles: Floats) -> Floats:
    c, s = np.cos(angles), np.sin(angles)
    turn = np.zeros((len(angles), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = c, -s, s, c, 1
    return turn
