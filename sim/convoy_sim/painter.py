"""Draws views of a model with MuJoCo's renderer, only what is in sight of each."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from convoy_sim.assets import FAR_M, NEAR_M, Assets, Drawable
from convoy_sim.curve import Floats
from convoy_sim.look.weather import Weather
from convoy_sim.views import Shot, View

_SKY_M = 0.6 * FAR_M
"""Depths beyond are those of the sky, which MuJoCo draws as a drum of 0.7 times the far plane."""
_SPARE_SLOTS = 400


class Painter:
    """Owns the OpenGL side of a scene. All calls need the context of `convoy_sim.gl`, current."""

    def __init__(self, assets: Assets, weather: Weather) -> None:
        self._assets = assets
        self._context = mujoco.MjrContext(assets.model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        # Depth comes as OpenGL has it: 1 at the near plane, 0 at the far one.
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._weather = weather
        centres = [self._centre(drawable) for drawable in assets.still]
        self._centres = np.array(centres)
        self._radii = np.array([assets.meshes[drawable.mesh].radius for drawable in assets.still])
        self._reach = np.minimum([drawable.far_m for drawable in assets.still], 1.02 * weather.fog_m) + self._radii
        self._scenes: dict[View, _DrawList] = {}

    def paint(
        self, view: View, camera_pose: Floats, movers: list[Drawable], rgb: bool, depth: bool, masks: bool
    ) -> Shot:
        """Draw a view of a camera whose optical frame has this pose in the map."""
        self._make_room(view)
        scene = self._scenes.get(view)
        if scene is None:
            scene = self._scenes[view] = _DrawList(self._assets, self._weather)
        axes, eye = camera_pose[:3, :3] @ view.axes, camera_pose[:3, 3]
        planes = _planes(view, axes)
        scene.aim(view, axes, eye)
        shown = self._in_sight(planes, eye, self._centres, self._radii, self._reach)
        near = [m for m in movers if self._sees(planes, eye, m)]
        scene.show(np.flatnonzero(shown), near)
        window = mujoco.MjrRect(0, 0, view.width, view.height)
        picture = distance = classes = instances = None
        if rgb or (depth and not masks):
            picture, distance = self._draw(scene, window, view, masks=False, depth=depth)
        if masks:
            ids, masked_distance = self._draw(scene, window, view, masks=True, depth=depth and distance is None)
            distance = masked_distance if distance is None else distance
            classes = np.ascontiguousarray(ids[..., 0])
            instances = ids[..., 1] | ids[..., 2].astype(np.uint16) << np.uint16(8)
        return Shot(
            np.ascontiguousarray(picture) if rgb and picture is not None else None,
            None if distance is None else _metres(distance),
            classes,
            instances,
        )

    def close(self) -> None:
        self._scenes.clear()
        self._context.free()

    def _draw(
        self, scene: _DrawList, window: mujoco.MjrRect, view: View, masks: bool, depth: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        scene.set_masks(masks)
        mujoco.mjr_render(window, scene.scene, self._context)
        colours = np.empty((view.height, view.width, 3), dtype=np.uint8)
        distance = np.empty((view.height, view.width), dtype=np.float32) if depth else None
        mujoco.mjr_readPixels(colours, distance, window, self._context)
        # OpenGL's first row is the lowest.
        return colours[::-1], None if distance is None else distance[::-1]

    def _make_room(self, view: View) -> None:
        width, height = self._context.offWidth, self._context.offHeight
        if view.width > width or view.height > height:
            mujoco.mjr_resizeOffscreen(max(view.width, width), max(view.height, height), self._context)

    def _centre(self, drawable: Drawable) -> Floats:
        c, s = np.cos(drawable.yaw), np.sin(drawable.yaw)
        x, y, z = self._assets.meshes[drawable.mesh].centre
        return np.array([c * x - s * y, s * x + c * y, z]) + drawable.position

    def _sees(self, planes: Floats, eye: Floats, drawable: Drawable) -> bool:
        radius = self._assets.meshes[drawable.mesh].radius
        reach = min(drawable.far_m, self._weather.fog_m) + radius
        return bool(self._in_sight(planes, eye, np.array([drawable.position]), 2 * radius, reach)[0])

    @staticmethod
    def _in_sight(
        planes: Floats, eye: Floats, centres: Floats, radii: Floats | float, reach: Floats | float
    ) -> NDArray[np.bool_]:
        out = centres - eye
        near = np.einsum("ij,ij->i", out, out) < np.square(reach)
        return near & ((out @ planes.T).min(axis=1) > -np.asarray(radii))


class _DrawList:
    """MuJoCo's list of what to draw in one view. What never moves stays in its slot as long as it is in sight."""

    def __init__(self, assets: Assets, weather: Weather) -> None:
        self._assets = assets
        self.scene = mujoco.MjvScene(assets.model, len(assets.still) + _SPARE_SLOTS)
        self._slots: list[int] = []
        self._geoms = [self.scene.geoms[k] for k in range(self.scene.maxgeom)]
        flags = self.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        flags[mujoco.mjtRndFlag.mjRND_HAZE] = 0
        flags[mujoco.mjtRndFlag.mjRND_FOG] = flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = 1
        flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = 1
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

    def set_masks(self, masks: bool) -> None:
        self.scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = masks

    def show(self, still: NDArray[np.intp], movers: list[Drawable]) -> None:
        wanted = set(still.tolist())
        free = [slot for slot, shown in enumerate(self._slots) if shown not in wanted]
        new = sorted(wanted.difference(self._slots))
        for drawable in new:
            if free:
                slot = free.pop(0)
                self._slots[slot] = drawable
            else:
                slot = len(self._slots)
                self._slots.append(drawable)
            self._write(slot, self._assets.still[drawable])
        for slot in reversed(free):
            last = self._slots.pop()
            if slot < len(self._slots):
                self._slots[slot] = last
                self._write(slot, self._assets.still[last])
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
