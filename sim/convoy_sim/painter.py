"""Draws views of a model with MuJoCo's renderer, only what is in sight of each."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from convoy_sim.assets import NEAR_M, Assets
from convoy_sim.curve import Floats
from convoy_sim.look.weather import Weather
from convoy_sim.merging import FAR_M
from convoy_sim.placing import Brush, Placed, Placer, planes_of
from convoy_sim.views import Shot, View

_SKY_M = 0.63 * FAR_M
"""What is farther is the sky, which MuJoCo draws as an eight-sided drum whose corners are 0.7 * `FAR_M` away."""
_SPARE_SLOTS = 400
"""For what moves."""
_CLEAR_M = 2500.0
"""Who sees farther than this hardly sees the haze, which takes a twelfth of the time to draw."""
_FOG_DISTANCE_MODE, _BY_DISTANCE = 0x855A, 0x855B
"""Of OpenGL's extension NV_fog_distance, which Mesa and NVIDIA have."""
_LISTS = 32
"""How many views keep their lists; a camera needs one to ten."""


class Painter:
    """Owns the OpenGL side of a scene. All calls need the context of `convoy_sim.gl`, current."""

    def __init__(self, assets: Assets, weather: Weather) -> None:
        self._assets, self._weather = assets, weather
        self._context = mujoco.MjrContext(assets.model, mujoco.mjtFontScale.mjFONTSCALE_50)
        _filter(self._context)
        self._measures_fog = weather.fog_m < _CLEAR_M and _has_fog_distance()
        # Depth comes as OpenGL has it: 1 at the near plane, 0 at the far one.
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self.placer = Placer(assets, weather.fog_m)
        self._pictures, self._masks = self.placer.still(assets.pictures), self.placer.still(assets.masks)
        self._lists: dict[tuple[View, bool], _DrawList] = {}

    def paint(self, view: View, camera_pose: Floats, movers: Placed, rgb: bool, depth: bool, masks: bool) -> Shot:
        """Draw a view of a camera whose optical frame has this pose in the map."""
        # Another scene of this thread may have drawn since.
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        if self._measures_fog:
            _measure_fog()
        axes, eye = camera_pose[:3, :3] @ view.axes, camera_pose[:3, 3]
        planes = planes_of((view.left, view.right, view.top, view.bottom), axes)
        moving = movers.in_sight(planes, eye)
        picture = distance = classes = instances = None

        def draw(masks: bool, depth: bool) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
            drawn = self._list(view, masks)
            drawn.aim(view, axes, eye)
            drawn.show(drawn.still.in_sight(planes, eye), movers, moving)
            return self._read(drawn.scene, view, depth)

        if rgb or (depth and not masks):
            picture, distance = draw(False, depth)
        if masks:
            ids, found = draw(True, depth and distance is None)
            distance = found if distance is None else distance
            classes = np.ascontiguousarray(ids[..., 0])
            instances = ids[..., 1] | ids[..., 2].astype(np.uint16) << np.uint16(8)
        return Shot(
            np.ascontiguousarray(picture) if rgb and picture is not None else None,
            None if distance is None else _metres(distance, view),
            classes,
            instances,
        )

    def close(self) -> None:
        self._lists.clear()
        self._context.free()

    def _list(self, view: View, masks: bool) -> _DrawList:
        found = self._lists.get((view, masks))
        if found is None:
            width, height = self._context.offWidth, self._context.offHeight
            if view.width > width or view.height > height:
                mujoco.mjr_resizeOffscreen(max(view.width, width), max(view.height, height), self._context)
            if len(self._lists) >= _LISTS:
                self._lists.clear()
            still = self._masks if masks else self._pictures
            found = self._lists[view, masks] = _DrawList(self._assets.model, still, self._weather, masks)
        return found

    def _read(
        self, scene: mujoco.MjvScene, view: View, depth: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        window = mujoco.MjrRect(0, 0, view.width, view.height)
        mujoco.mjr_render(window, scene, self._context)
        colours = np.empty((view.height, view.width, 3), dtype=np.uint8)
        distance = np.empty((view.height, view.width), dtype=np.float32) if depth else None
        mujoco.mjr_readPixels(colours, distance, window, self._context)
        # OpenGL's first row is the lowest.
        return colours[::-1], None if distance is None else distance[::-1]


class _DrawList:
    """MuJoCo's list of what to draw in one view. What never moves stays in its slot as long as it is in sight."""

    def __init__(self, model: mujoco.MjModel, still: Placed, weather: Weather, masks: bool) -> None:
        self.still = still
        self.scene = mujoco.MjvScene(model, len(still.brushes) + _SPARE_SLOTS)
        self._shown: list[int] = []
        # Kept, since to look them up takes longer than to write to them.
        self._geoms = [self.scene.geoms[k] for k in range(self.scene.maxgeom)]
        self._places = [(geom.pos, geom.mat.reshape(-1)) for geom in self._geoms]
        self._brushes: list[Brush | None] = [None] * self.scene.maxgeom
        self._eyes = [(camera, camera.pos, camera.forward, camera.up) for camera in self.scene.camera]
        flags = self.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        flags[mujoco.mjtRndFlag.mjRND_HAZE] = 0
        flags[mujoco.mjtRndFlag.mjRND_FOG] = weather.fog_m < _CLEAR_M
        flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = 1
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = masks
        self.scene.nlight = 1
        _shine(self.scene.lights[0], weather)

    def aim(self, view: View, axes: Floats, eye: Floats) -> None:
        # MuJoCo takes the mean of two eyes.
        for camera, pos, forward, up in self._eyes:
            pos[:], forward[:], up[:] = eye, axes[:, 2], -axes[:, 1]
            camera.frustum_near, camera.frustum_far = NEAR_M, FAR_M
            camera.frustum_center = NEAR_M * (view.left + view.right) / 2
            camera.frustum_width = NEAR_M * (view.right - view.left) / 2
            camera.frustum_top, camera.frustum_bottom = -NEAR_M * view.top, -NEAR_M * view.bottom

    def show(self, still: list[int], movers: Placed, moving: list[int]) -> None:
        """Show what never moves, by index, and of the movers those."""
        shown, wanted = self._shown, set(still)
        free = [slot for slot, index in enumerate(shown) if index not in wanted]
        for index in sorted(wanted.difference(shown)):
            if free:
                slot = free.pop(0)
                shown[slot] = index
            else:
                slot = len(shown)
                shown.append(index)
            self._write(slot, self.still, index)
        for slot in reversed(free):
            last = shown.pop()
            if slot < len(shown):
                shown[slot] = last
                self._write(slot, self.still, last)
        for slot, index in enumerate(moving[:_SPARE_SLOTS], start=len(shown)):
            self._write(slot, movers, index)
        self.scene.ngeom = len(shown) + min(len(moving), _SPARE_SLOTS)

    def _write(self, slot: int, placed: Placed, index: int) -> None:
        brush = placed.brushes[index]
        if self._brushes[slot] is not brush:
            self._brushes[slot] = brush
            geom = self._geoms[slot]
            colour = np.array([1, 1, 1, brush.alpha], dtype=np.float32)
            mujoco.mjv_initGeom(geom, mujoco.mjtGeom.mjGEOM_MESH, np.ones(3), np.zeros(3), np.zeros(9), colour)
            geom.dataid, geom.matid, geom.texcoord, geom.segid = brush.data, brush.material, 1, brush.segment
            geom.emission, geom.specular, geom.shininess = brush.emission, 0.0, 0.0
        position, turn = self._places[slot]
        position[:], turn[:] = placed.positions[index], placed.turns[index]


def _shine(light: mujoco.MjvLight, weather: Weather) -> None:
    # A sun that is very low would leave the ground black, as no light comes from the sky's bright side.
    elevation, azimuth = max(weather.sun_elevation, 0.35), weather.sun_azimuth
    light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    flat = -np.cos(elevation)
    light.dir[:] = flat * np.cos(azimuth), flat * np.sin(azimuth), -np.sin(elevation)
    light.ambient[:], light.diffuse[:], light.specular[:] = weather.ambient, weather.sun, (0, 0, 0)
    light.castshadow = False


def _filter(context: mujoco.MjrContext) -> None:
    """Look textures up in the nearest of their sizes only, not between two: a sixth faster, and hardly to be seen."""
    from OpenGL import GL  # Comes with MuJoCo; which library it loads is decided when the context is made.

    for texture, kind in zip(context.texture[: context.ntexture], context.textureType, strict=False):
        target = GL.GL_TEXTURE_2D if kind == mujoco.mjtTexture.mjTEXTURE_2D else GL.GL_TEXTURE_CUBE_MAP
        GL.glBindTexture(target, int(texture))
        GL.glTexParameteri(target, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_NEAREST)


def _has_fog_distance() -> bool:
    from OpenGL import GL

    return b"GL_NV_fog_distance" in GL.glGetString(GL.GL_EXTENSIONS)


def _measure_fog() -> None:
    """Let fog grow with the distance. By depth, OpenGL's default, large faces that reach behind the eye are fogged
    otherwise in each view; where views are joined that shows as a seam."""
    from OpenGL import GL

    GL.glFogi(_FOG_DISTANCE_MODE, _BY_DISTANCE)


def _metres(z: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    """Metres along the view's axis from OpenGL's depth; 0 for the sky."""
    inverse = z * np.float32(1 / NEAR_M - 1 / FAR_M) + np.float32(1 / FAR_M)
    return np.where(inverse * np.float32(_SKY_M) > view.stretch, 1 / inverse, np.float32(0)).astype(
        np.float32, copy=False
    )
