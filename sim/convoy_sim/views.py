"""How a camera's picture is put together from flat views that OpenGL can draw.

A pinhole needs one. A fisheye is made of the faces of a cube (the front and as much of the four sides as it sees),
which a precomputed map brings together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy_sim.cameras import CameraModel, Fisheye, Floats, Mounting, Pinhole
from convoy_sim.classes import UNLABELLED


@dataclass(frozen=True, eq=False)
class View:
    """A flat view: its own optical axes, and the rectangle that it shows on the plane at distance 1.

    Attributes:
        axes: (3, 3) its x (right), y (down) and z (ahead), as columns, in the camera's optical frame.
        left, right, top, bottom: edges of the rectangle (bottom > top: y runs down).
        width, height: pixels.
    """

    axes: Floats
    left: float
    right: float
    top: float
    bottom: float
    width: int
    height: int

    @cached_property
    def stretch(self) -> NDArray[np.float32]:
        """(height, width) distance of what a pixel shows, in units of its depth."""
        x, y = (
            low + (np.arange(count) + 0.5) * (high - low) / count
            for low, high, count in ((self.left, self.right, self.width), (self.top, self.bottom, self.height))
        )
        return np.sqrt(1 + x[None, :] ** 2 + y[:, None] ** 2).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Shot:
    """What was drawn of a view; see `convoy_sim.frame.Frame` for the parts."""

    rgb: NDArray[np.uint8] | None
    depth: NDArray[np.float32] | None
    classes: NDArray[np.uint8] | None
    instances: NDArray[np.uint16] | None


Parts = tuple[NDArray[np.uint8] | None, NDArray[np.float32] | None, NDArray[np.uint8] | None, NDArray[np.uint16] | None]


class PinholeViews:
    """One view is the picture."""

    def __init__(self, camera: Pinhole) -> None:
        self.faces = (
            View(
                np.eye(3),
                (-0.5 - camera.cx) / camera.fx,
                (camera.width - 0.5 - camera.cx) / camera.fx,
                (-0.5 - camera.cy) / camera.fy,
                (camera.height - 0.5 - camera.cy) / camera.fy,
                camera.width,
                camera.height,
            ),
        )

    def merge(self, shots: list[Shot]) -> Parts:
        shot = shots[0]
        return shot.rgb, shot.depth, shot.classes, shot.instances


class FisheyeViews:
    """Parts of a cube's faces, and the map from them to the picture."""

    _AXES = (
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
        ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
        ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
        ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    )

    def __init__(self, camera: Fisheye) -> None:
        rays = camera.rays()
        seen = np.arccos(np.clip(rays[..., 2], -1, 1)) <= camera.max_angle
        axes = [np.array(face, dtype=np.float64).T for face in self._AXES]
        ahead = np.stack([rays @ face[:, 2] for face in axes])
        nearest = np.where(seen, ahead.argmax(axis=0), -1)
        map_x = np.full(seen.shape, -1.0, dtype=np.float32)
        map_y = map_x.copy()
        self._to_axis = np.zeros(seen.shape, dtype=np.float32)
        faces, top_row = [], 0
        for k, face in enumerate(axes):
            here = nearest == k
            if not here.any():
                continue
            local = rays[here] @ face
            x, y = local[:, 0] / local[:, 2], local[:, 1] / local[:, 2]
            # A pixel more on every side: the map looks between pixels.
            margin = 1.5 / camera.f
            left, top = x.min() - margin, y.min() - margin
            width, height = (int(np.ceil((v.max() + margin - v0) * camera.f)) for v, v0 in ((x, left), (y, top)))
            right, bottom = left + width / camera.f, top + height / camera.f
            faces.append(View(face, left, right, top, bottom, width, height))
            map_x[here] = (x - left) * camera.f - 0.5
            map_y[here] = (y - top) * camera.f - 0.5 + top_row
            self._to_axis[here] = rays[here][:, 2] / local[:, 2]
            top_row += height
        self.faces = tuple(faces)
        self._map, self._outside = (map_x, map_y), ~seen
        self._nearest = tuple(np.clip(np.rint(m), 0, None).astype(np.intp) for m in (map_y, map_x))

    def merge(self, shots: list[Shot]) -> Parts:
        rgb = depth = classes = instances = None
        if shots[0].rgb is not None:
            stacked = self._stack([shot.rgb for shot in shots])
            remapped = cv2.remap(stacked, *self._map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            rgb = np.asarray(remapped, dtype=np.uint8)
        if shots[0].depth is not None:
            depth = self._pick([shot.depth for shot in shots], 0) * self._to_axis
        if shots[0].classes is not None:
            classes = self._pick([shot.classes for shot in shots], UNLABELLED)
            instances = self._pick([shot.instances for shot in shots], 0)
        return rgb, depth, classes, instances

    def _pick(self, parts: list, outside: int) -> NDArray:
        picked = self._stack(parts)[self._nearest]
        picked[self._outside] = outside
        return picked

    def _stack(self, parts: list) -> NDArray:
        """All faces in one array, one below the other."""
        width = max(part.shape[1] for part in parts)
        stacked = np.zeros((sum(len(part) for part in parts), width, *parts[0].shape[2:]), dtype=parts[0].dtype)
        row = 0
        for part in parts:
            stacked[row : row + len(part), : part.shape[1]] = part
            row += len(part)
        return stacked


def views_of(camera: CameraModel) -> PinholeViews | FisheyeViews:
    """The views of a camera; made once for all of its kind, wherever they are mounted."""
    return _views_of(replace(camera, mounting=_ANYWHERE))


@lru_cache(maxsize=16)
def _views_of(camera: CameraModel) -> PinholeViews | FisheyeViews:
    return FisheyeViews(camera) if isinstance(camera, Fisheye) else PinholeViews(camera)


_ANYWHERE = Mounting()
