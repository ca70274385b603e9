"""A town as a MuJoCo model: meshes, textures and materials, and the list of what is drawn with them.

What never moves is merged into one mesh per material, class and tile, since a frame's cost is per drawn thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from convoy_sim.classes import Label
from convoy_sim.curve import Floats
from convoy_sim.lanes import GREEN, RED, YELLOW
from convoy_sim.look import ground, textures
from convoy_sim.look.atlas import Atlas
from convoy_sim.look.cars import Cars
from convoy_sim.look.facades import Facades
from convoy_sim.look.furniture import SIGN_FACES, Furniture
from convoy_sim.look.houses import building_mesh
from convoy_sim.look.mesh import Mesh, join
from convoy_sim.look.people import OUTFITS, POSES, People
from convoy_sim.look.plants import Plants
from convoy_sim.look.shadows import blob_shadow, ground_shadows
from convoy_sim.look.sky import sky_cube
from convoy_sim.look.weather import Weather
from convoy_sim.scenery import CAR_COLOURS, CAR_MODELS, CAR_SIZES_M
from convoy_sim.town import Town

TILE_M = 64.0
FAR_M = 1000.0
NEAR_M = 0.15
LIT_LAMPS = 0.3
"""From this share of lit windows on, street lamps are on."""

_SHADOW_Z = ground.KERB_HEIGHT_M + 0.01


@dataclass(frozen=True)
class Drawable:
    """A mesh at a place, as it is drawn.

    Attributes:
        mesh: its name in `Assets.meshes`.
        material: name of its material.
        label: its class, or None for what is seen but is no surface (shadows).
        position, yaw: where it stands.
        far_m: from where on it is left out.
        instance: its number in instance masks; 0 if it has none.
        emission: 0 to 1, how much it shines by itself.
        see_through: whether its texture's alpha counts.
    """

    mesh: str
    material: str
    label: Label | None
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw: float = 0.0
    far_m: float = FAR_M
    instance: int = 0
    emission: float = 0.0
    see_through: bool = False


@dataclass(frozen=True, eq=False)
class MeshInfo:
    """A compiled mesh: its number, MuJoCo's own frame within ours, and the sphere round it."""

    id: int
    position: Floats
    rotation: Floats
    centre: Floats
    radius: float


@dataclass(frozen=True, eq=False)
class Assets:
    """A compiled model and what to draw with it."""

    model: mujoco.MjModel
    meshes: dict[str, MeshInfo]
    materials: dict[str, int]
    still: tuple[Drawable, ...]
    labels: dict[int, Label]
    """Class of every instance among `still`."""


@dataclass
class _Builder:
    meshes: dict[str, Mesh] = field(default_factory=dict)
    still: list[Drawable] = field(default_factory=list)

    def tiles(self, name: str, mesh: Mesh, material: str, label: Label, far_m: float, emission: float = 0.0) -> None:
        """Split a mesh into tiles and draw them all."""
        centre = mesh.vertices.reshape(-1, 3, 3).mean(axis=1)
        tile = np.floor(centre[:, :2] / TILE_M).astype(int)
        for column, row in np.unique(tile, axis=0):
            keep = np.repeat((tile == (column, row)).all(axis=1), 3)
            part = Mesh(mesh.vertices[keep], mesh.normals[keep], mesh.uv[keep])
            if len(part) == 1:  # MuJoCo wants at least four vertices.
                part = join([part, part])
            self.meshes[f"{name} {column} {row}"] = part
            self.still.append(Drawable(f"{name} {column} {row}", material, label, far_m=far_m, emission=emission))

    def thing(self, mesh: str, label: Label, xyz: tuple[float, float, float], yaw: float, far_m: float) -> None:
        """Draw a mesh as an instance of its own."""
        number = 1 + sum(drawable.instance > 0 for drawable in self.still)
        self.still.append(Drawable(mesh, "things", label, xyz, yaw, far_m, number))


def build_assets(town: Town, weather: Weather, rng: np.random.Generator, samples: int) -> Assets:
    """Make the meshes and textures of a town in a weather, and compile them. `samples`: multisampling, 0 for none."""
    atlas = Atlas(1024)
    lamps = weather.lit > LIT_LAMPS
    # Houses with light in them shine by themselves, so their walls must be painted darker.
    emission, daylight = (0.5, 0.5) if lamps else (0.0, 1.0)
    facades = Facades(rng, weather.lit, daylight)
    furniture, plants = Furniture(atlas), Plants(atlas, rng)
    cars, people = Cars(atlas), People(atlas, rng)
    build = _Builder()
    _lay_ground(build, town, atlas, rng)
    houses = join(building_mesh(building, facades) for building in town.buildings)
    build.tiles("houses", houses, "facades", Label.BUILDING, 420, emission)
    _set_props(build, town, furniture, plants, lamps)
    for model in CAR_MODELS:
        for colour in CAR_COLOURS:
            build.meshes[car_mesh(model, colour)] = cars.mesh(model, colour)
        length, width, _ = CAR_SIZES_M[model]
        build.meshes[car_shadow_mesh(model)] = _flat(length * 0.75, width * 0.8, 0.02)
    for outfit in range(OUTFITS):
        for pose in range(POSES + 1):
            build.meshes[person_mesh(outfit, pose)] = people.mesh(outfit, pose)
    for car in town.parked:
        build.thing(car_mesh(car.model, car.colour), Label.CAR, (car.x, car.y, 0.0), car.heading, 130)
    shadows, (x, y, half) = ground_shadows(town, weather)
    build.meshes["shadows"] = _flat(half, half, _SHADOW_Z)
    build.still.append(Drawable("shadows", "shadows", None, (x, y, 0.0), see_through=True))
    # Each has its own stream of chance, so that rain changes no more than it must.
    road, slabs, lawn, air = rng.spawn(4)
    pictures: dict[str, NDArray] = {
        "asphalt": textures.asphalt(road, wet=weather.wet),
        "paving": _with_kerb(textures.paving(slabs, wet=weather.wet)),
        "grass": textures.grass(lawn),
        "facades": facades.atlas.image,
        "things": atlas.image,
        "shadows": shadows[::-1],
        "blob": blob_shadow(0.35 + 0.5 * weather.shadow),
    }
    return _compile(build, pictures, sky_cube(weather, air), weather, samples)


def car_mesh(model: str, colour: str) -> str:
    return f"car {model} {colour}"


def car_shadow_mesh(model: str) -> str:
    return f"car shadow {model}"


def person_mesh(outfit: int, pose: int) -> str:
    return f"person {outfit} {pose}"


def lamp_mesh(state: int) -> str:
    return f"lit lamp {state}"


def _lay_ground(build: _Builder, town: Town, atlas: Atlas, rng: np.random.Generator) -> None:
    white = atlas.colour((226, 226, 220))
    yellow = atlas.colour((214, 176, 52)) if rng.random() < 0.3 else white
    dash, gap = ((3.0, 3.0), (3.0, 4.5), (2.0, 4.0), (4.0, 2.0))[int(rng.integers(4))]
    style = ground.MarkingStyle(dash, gap, yellow, white, edges=bool(rng.random() < 0.6))
    build.tiles("road", ground.road(town), "asphalt", Label.ROAD, 420)
    build.tiles("paint", ground.markings(town, style), "things", Label.ROAD_MARKING, 140)
    build.tiles("pavement", ground.pavement(town), "paving", Label.PAVEMENT, 260)
    build.tiles("banks", ground.banks(town), "grass", Label.GRASS, 120)
    build.meshes["meadow"] = ground.meadow(town)
    build.still.append(Drawable("meadow", "grass", Label.GRASS))


def _set_props(build: _Builder, town: Town, furniture: Furniture, plants: Plants, lamps: bool) -> None:
    for face in SIGN_FACES:
        build.meshes[f"sign {face}"] = furniture.plate(face)
    build.meshes["light head"] = furniture.light_head()
    for state in (RED, YELLOW, GREEN):
        build.meshes[lamp_mesh(state)] = furniture.lit_lamp(state)
    build.meshes["cone"] = furniture.cone()
    by_kind = {kind: [prop for prop in town.props if prop.kind == kind] for kind in {prop.kind for prop in town.props}}

    def of(*kinds: str) -> list:
        return [prop for kind in kinds for prop in by_kind.get(kind, [])]

    green = [plants.tree(prop) for prop in of("tree")] + [plants.hedge(prop) for prop in of("hedge")]
    build.tiles("plants", join(green), "things", Label.TREE, 240)
    build.tiles(
        "posts", join(furniture.post(p) for p in of("lamp", "sign", "traffic_light")), "things", Label.POLE, 130
    )
    build.tiles("fences", join(furniture.fence(prop) for prop in of("fence")), "things", Label.FENCE, 130)
    build.tiles("objects", join(furniture.small(prop) for prop in of("bin", "bench")), "things", Label.OBJECT, 100)
    if lamps:
        glow = join(furniture.lamp_glow.moved(p.x, p.y, 0.0, p.heading) for p in of("lamp"))
        build.tiles("glow", glow, "things", Label.POLE, 300, emission=1.0)
    for prop in of("sign"):
        build.thing(f"sign {prop.variant}", Label.SIGN, (prop.x, prop.y, prop.size - 0.45), prop.heading, 110)
    for prop in of("cone"):
        build.thing("cone", Label.CONE, (prop.x, prop.y, 0.0), prop.heading, 70)
    for prop in of("traffic_light"):
        build.thing("light head", Label.TRAFFIC_LIGHT, (prop.x, prop.y, prop.size), prop.heading, 140)


def _flat(half_length: float, half_width: float, z: float) -> Mesh:
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float64)
    order = [0, 1, 2, 0, 2, 3]
    points = np.concatenate([corners * (half_length, half_width), np.full((4, 1), z)], axis=1)
    return Mesh(points[order], np.tile([0.0, 0.0, 1.0], (6, 1)), ((corners + 1) / 2)[order])


def _with_kerb(paving: NDArray[np.float32]) -> NDArray[np.float32]:
    """The paving with kerb stones along its lowest part."""
    rows = round(len(paving) * ground.KERB_BAND)
    paving[-rows:] = np.clip(
        paving[-rows:].mean(axis=(0, 1)) * 1.12 + (paving[-rows:] - paving[-rows:].mean()) * 0.3, 0, 255
    )
    paving[-rows:, :: len(paving) // 3] *= 0.7
    return paving


def _compile(
    build: _Builder, pictures: dict[str, NDArray], sky: NDArray[np.uint8], weather: Weather, samples: int
) -> Assets:
    spec = mujoco.MjSpec()
    for name, mesh in build.meshes.items():
        _add_mesh(spec, name, mesh)
    for name, picture in pictures.items():
        _add_texture(spec, name, np.clip(picture, 0, 255).astype(np.uint8)[::-1])
        material = spec.add_material(name=name)
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    box = spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, nchannel=3)
    box.width, box.height, box.data = sky.shape[1], sky.shape[0], sky.tobytes()
    view = spec.visual
    view.quality.offsamples, view.quality.shadowsize = samples, 0
    # Distances are in units of the model's extent, which is 1 here.
    spec.stat.extent, view.map.znear, view.map.zfar = 1.0, NEAR_M, FAR_M
    view.map.fogstart, view.map.fogend = 0.0 if weather.fog_m > 600 else 4.0, weather.fog_m
    view.rgba.fog = [*weather.horizon, 1.0]
    model = spec.compile()
    meshes = {name: _info(model, k, build.meshes[name]) for k, name in enumerate(build.meshes)}
    materials = {name: mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_MATERIAL, name) for name in pictures}
    labels = {d.instance: d.label for d in build.still if d.instance and d.label is not None}
    return Assets(model, meshes, materials, tuple(build.still), labels)


def _add_mesh(spec: mujoco.MjSpec, name: str, mesh: Mesh) -> None:
    faces = np.arange(len(mesh.vertices))
    added = spec.add_mesh(name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
    added.uservert, added.usernormal, added.usertexcoord = (
        np.ascontiguousarray(part, dtype=np.float32).ravel() for part in (mesh.vertices, mesh.normals, mesh.uv)
    )
    added.userface = added.userfacenormal = added.userfacetexcoord = faces


def _add_texture(spec: mujoco.MjSpec, name: str, picture: NDArray[np.uint8]) -> None:
    height, width, channels = picture.shape
    texture = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, nchannel=channels)
    texture.width, texture.height, texture.data = width, height, picture.tobytes()


def _info(model: mujoco.MjModel, k: int, mesh: Mesh) -> MeshInfo:
    """MuJoCo moves a mesh into a frame of its own; drawing must undo that."""
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, model.mesh_quat[k])
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    centre = (low + high) / 2
    radius = float(np.linalg.norm(mesh.vertices - centre, axis=1).max())
    return MeshInfo(k, model.mesh_pos[k].copy(), rotation.reshape(3, 3), centre, radius)
