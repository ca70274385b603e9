"""Draws views of a model with MuJoCo's renderer, only what is in sight of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from convoy_sim.assets import NEAR_M, Assets
from convoy_sim.curve import Floats
from convoy_sim.look.weather import Weather
from convoy_sim.merging import FAR_M, TILE_M, Drawable
from convoy_sim.views import Shot, View

_SKY_M = 0.6 * FAR_M
"""Depths beyond are those of the sky, which MuJoCo draws as a drum of 0.7 times the far plane."""
_SPARE_SLOTS = 400
"""For what moves."""
_LISTS = 32
"""How many views keep their lists; a camera needs one to ten."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Drawables with what tells whether they are in sight.

    Attributes:
        drawables: N of them.
        centres, radii: (N, 3) and (N,) of the spheres round them.
        anchors, near, far: (N, 3) the points that distances are measured from, and (N,) their bounds.
    """

    drawables: tuple[Drawable, ...]
    centres: Floats
    radii: Floats
    anchors: Floats
    near: Floats
    far: Floats

    def in_sight(self, planes: Floats, eye: Floats) -> list[int]:
        """Indices of those that the planes' inner side and the distance leave."""
        out = self.anchors - eye
        square = np.einsum("ij,ij->i", out, out)
        between = (square >= self.near * self.near) & (square < self.far * self.far)
        return np.flatnonzero(between & (((self.centres - eye) @ planes.T).min(axis=1) > -self.radii)).tolist()


class Painter:
    """Owns the OpenGL side of a scene. All calls need the context of `convoy_sim.gl`, current."""

    def __init__(self, assets: Assets, weather: Weather) -> None:
        self._assets = assets
        self._context = mujoco.MjrContext(assets.model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        # Depth comes as OpenGL has it: 1 at the near plane, 0 at the far one.
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._weather = weather
        self._still = {False: self.place(assets.pictures), True: self.place(assets.masks)}
        self._lists: dict[tuple[View, bool], _DrawList] = {}

    def place(self, drawables: Sequence[Drawable]) -> Placed:
        """Get drawables ready to be drawn."""
        radii = np.array([self._assets.meshes[drawable.mesh].radius for drawable in drawables])
        centres = np.array([self._centre(drawable) for drawable in drawables]).reshape(-1, 3)
        free = np.array([drawable.anchor is None for drawable in drawables], dtype=bool)
        anchors = np.array([drawable.anchor or (0.0, 0.0, 0.0) for drawable in drawables]).reshape(-1, 3)
        far = np.array([drawable.far_m for drawable in drawables]) + np.where(free, radii, 0.0)
        return Placed(
            tuple(drawables),
            centres,
            radii,
            np.where(free[:, None], centres, anchors),
            np.array([drawable.near_m for drawable in drawables]),
            # Beyond, fog hides all; a tile reaches out from its middle.
            np.minimum(far, 1.02 * self._weather.fog_m + np.where(free, radii, TILE_M)),
        )

    def paint(self, view: View, camera_pose: Floats, movers: Placed, rgb: bool, depth: bool, masks: bool) -> Shot:
        """Draw a view of a camera whose optical frame has this pose in the map."""
        self._make_room(view)
        axes, eye = camera_pose[:3, :3] @ view.axes, camera_pose[:3, 3]
        planes = _planes(view, axes)
        moving = [movers.drawables[k] for k in movers.in_sight(planes, eye)]
        picture = distance = classes = instances = None
        if rgb or (depth and not masks):
            still = self._still[False].in_sight(planes, eye)
            picture, distance = self._draw(view, False, axes, eye, still, moving, depth)
        if masks:
            still = self._still[True].in_sight(planes, eye)
            ids, found = self._draw(view, True, axes, eye, still, moving, depth and distance is None)
            distance = found if distance is None else distance
            classes = np.ascontiguousarray(ids[..., 0])
            instances = ids[..., 1] | ids[..., 2].astype(np.uint16) << np.uint16(8)
        return Shot(
            np.ascontiguousarray(picture) if rgb and picture is not None else None,
            None if distance is None else _metres(distance),
            classes,
            instances,
        )

    def close(self) -> None:
        self._lists.clear()
        self._context.free()

    def _draw(
        self, view: View, masks: bool, axes: Floats, eye: Floats, still: list[int], movers: list[Drawable], depth: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        drawn = self._lists.get((view, masks))
        if drawn is None:
            if len(self._lists) >= _LISTS:
                self._lists.clear()
            drawables = self._still[masks].drawables
            drawn = self._lists[view, masks] = _DrawList(self._assets, drawables, self._weather, masks)
        drawn.aim(view, axes, eye)
        drawn.show(still, movers)
        window = mujoco.MjrRect(0, 0, view.width, view.height)
        mujoco.mjr_render(window, drawn.scene, self._context)
        colours = np.empty((view.height, view.width, 3), dtype=np.uint8)
        distance = np.empty((view.height, view.width), dtype=np.float32) if depth else None
        mujoco.mjr_readPixels(colours, distance, window, self._context)
        # OpenGL's first row is the lowest.
        return colours[::-1], None if distance is None else distance[::-1]

    def _make_room(self, view: View) -> None:
        width, height = self._context.offWidth, self._context.offHeight
        if view.width > width or view.height > height:
            mujoco.mjr_resizeOffscreen(max(view.width, width), max(view.height, height), self._context)

    def _centre(self, drawable: Drawable) -> tuple[float, float, float]:
        c, s = math.cos(drawable.yaw), math.sin(drawable.yaw)
        (x, y, z), (px, py, pz) = self._assets.meshes[drawable.mesh].centre, drawable.position
        return px + c * x - s * y, py + s * x + c * y, pz + z


class _DrawList:
    """MuJoCo's list of what to draw in one view. What never moves stays in its slot as long as it is in sight."""

    def __init__(self, assets: Assets, still: tuple[Drawable, ...], weather: Weather, masks: bool) -> None:
        self._assets, self._still = assets, still
        self.scene = mujoco.MjvScene(assets.model, len(still) + _SPARE_SLOTS)
        self._slots: list[int] = []
        self._geoms = [self.scene.geoms[k] for k in range(self.scene.maxgeom)]
        flags = self.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        flags[mujoco.mjtRndFlag.mjRND_HAZE] = 0
        flags[mujoco.mjtRndFlag.mjRND_FOG] = flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = 1
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = masks
        self.scene.nlight = 1
        light = self.scene.lights[0]
        elevation, azimuth = max(weather.sun_elevation, 0.35), weather.sun_azimuth
        light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        light.dir[:] = (
            -np.cos(elevation) * np.cos(azimuth),
            -np.cos(elevation) * np.sin(azimuth),
            -np.sin(elevation),
        )
        light.ambient[:], light.diffuse[:], light.specular[:] = weather.ambient, weather.sun, (0, 0, 0)
        light.castshadow = False

    def aim(self, view: View, axes: Floats, eye: Floats) -> None:
        # MuJoCo takes the mean of two eyes.
        for camera in self.scene.camera:
            camera.pos[:], camera.forward[:], camera.up[:] = eye, axes[:, 2], -axes[:, 1]
            camera.frustum_near, camera.frustum_far = NEAR_M, FAR_M
            camera.frustum_center = NEAR_M * (view.left + view.right) / 2
            camera.frustum_width = NEAR_M * (view.right - view.left) / 2
            camera.frustum_top, camera.frustum_bottom = -NEAR_M * view.top, -NEAR_M * view.bottom

    def show(self, still: list[int], movers: list[Drawable]) -> None:
        wanted = set(still)
        free = [slot for slot, shown in enumerate(self._slots) if shown not in wanted]
        new = sorted(wanted.difference(self._slots))
        for drawable in new:
            if free:
                slot = free.pop(0)
                self._slots[slot] = drawable
            else:
                slot = len(self._slots)
                self._slots.append(drawable)
            self._write(slot, self._still[drawable])
        for slot in reversed(free):
            last = self._slots.pop()
            if slot < len(self._slots):
                self._slots[slot] = last
                self._write(slot, self._still[last])
        for k, mover in enumerate(movers[:_SPARE_SLOTS]):
            self._write(len(self._slots) + k, mover)
        self.scene.ngeom = len(self._slots) + min(len(movers), _SPARE_SLOTS)

    def _write(self, slot: int, drawable: Drawable) -> None:
        mesh = self._assets.meshes[drawable.mesh]
        geom = self._geoms[slot]
        c, s = np.cos(drawable.yaw), np.sin(drawable.yaw)
        turn = np.array([(c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)])
        # See-through is what MuJoCo sorts and blends: whatever is not wholly opaque.
        alpha = 0.99 if drawable.see_through else 1.0
        mujoco.mjv_initGeom(
            geom,
            mujoco.mjtGeom.mjGEOM_MESH,
            np.ones(3),
            turn @ mesh.position + drawable.position,
            (turn @ mesh.rotation).ravel(),
            np.array([1, 1, 1, alpha], dtype=np.float32),
        )
        geom.dataid, geom.matid, geom.texcoord = 2 * mesh.id, self._assets.materials[drawable.material], 1
        geom.emission, geom.specular, geom.shininess = drawable.emission, 0.0, 0.0
        # MuJoCo writes this number plus 1 as a colour, lowest byte in red: the class, then the instance.
        geom.segid = -1 if drawable.label is None else (drawable.instance << 8 | drawable.label) - 1


def _planes(view: View, axes: Floats) -> Floats:
    """(5, 3) inward normals, in the map, of the planes through the eye that bound a view, and of the one behind it."""
    normals = np.array(
        [(1, 0, -view.left), (-1, 0, view.right), (0, 1, -view.top), (0, -1, view.bottom), (0, 0, 1)], dtype=np.float64
    )
    return np.asarray((normals / np.linalg.norm(normals, axis=1, keepdims=True)) @ axes.T)


def _metres(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Metres along the view's axis from OpenGL's depth; 0 for the sky."""
    inverse = z * np.float32(1 / NEAR_M - 1 / FAR_M) + np.float32(1 / FAR_M)
    return np.where(inverse > 1 / _SKY_M, 1 / inverse, np.float32(0)).astype(np.float32, copy=False)
