"""A town as a MuJoCo model: meshes, textures and materials, and the lists of what is drawn with them."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from convoy_sim.classes import Label
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
from convoy_sim.merging import FAR, FAR_M, MIDDLE, NEAR, Drawable, Merger
from convoy_sim.scenery import CAR_COLOURS, CAR_MODELS, CAR_SIZES_M
from convoy_sim.town import Town

NEAR_M = 0.15
LIT_LAMPS = 0.3
"""From this share of lit windows on, street lamps are on."""

_SHADOW_Z = ground.KERB_HEIGHT_M + 0.01


@dataclass(frozen=True, eq=False)
class MeshInfo:
    """A compiled mesh.

    Attributes:
        id: its number in the model.
        numbers: where MuJoCo put its own frame in ours (3), the middle of the sphere round it (3), the frame's turn
            (9) and the sphere's radius.
    """

    id: int
    numbers: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Assets:
    """A compiled model and what to draw with it.

    Attributes:
        model: MuJoCo's model: meshes, textures and materials, nothing that moves.
        meshes, materials: their numbers, and more, by name.
        pictures, masks: what never moves, as it is drawn in either; see `convoy_sim.merging`.
        heads: the heads of the traffic lights, in the order of the town's props.
        first_free: the first number that no thing has in instance masks.
    """

    model: mujoco.MjModel
    meshes: dict[str, MeshInfo]
    materials: dict[str, int]
    pictures: tuple[Drawable, ...]
    masks: tuple[Drawable, ...]
    heads: tuple[Drawable, ...]
    first_free: int


def build_assets(town: Town, weather: Weather, rng: np.random.Generator, samples: int) -> Assets:
    """Make the meshes and textures of a town in a weather, and compile them. `samples`: multisampling, 0 for none."""
    atlas = Atlas(1024)
    lamps = weather.lit > LIT_LAMPS
    # Houses with light in them shine by themselves, so their walls must be painted darker.
    emission, daylight = (0.5, 0.5) if lamps else (0.0, 1.0)
    facades = Facades(rng, weather.lit, daylight)
    furniture, plants = Furniture(atlas), Plants(atlas, rng)
    cars, people = Cars(atlas), People(atlas, rng)
    build = Merger()
    _lay_ground(build, town, atlas, rng)
    houses = join(building_mesh(building, facades) for building in town.buildings)
    build.surface("houses", houses, "facades", Label.BUILDING, 128, 420, emission)
    heads = _set_props(build, town, furniture, plants, lamps)
    for model in CAR_MODELS:
        for colour in CAR_COLOURS:
            build.shape(car_mesh(model, colour), cars.mesh(model, colour))
        length, width, _ = CAR_SIZES_M[model]
        build.shape(car_shadow_mesh(model), _flat(length * 0.75, width * 0.8, 0.02))
    for outfit in range(OUTFITS):
        for pose in range(POSES + 1):
            build.shape(person_mesh(outfit, pose), people.mesh(outfit, pose))
    for car in town.parked:
        build.numbered(car_mesh(car.model, car.colour), Label.CAR, (car.x, car.y, 0.0), car.heading, NEAR, MIDDLE)
    build.finish()
    shadows, (x, y, half) = ground_shadows(town, weather)
    build.shape("shadows", _flat(half, half, _SHADOW_Z))
    build.shadow("shadows", "shadows", (x, y, 0.0))
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
    model = _compile(build.meshes, pictures, sky_cube(weather, air), weather, samples)
    return Assets(
        model,
        {name: _info(model, k, mesh) for k, (name, mesh) in enumerate(build.meshes.items())},
        {name: k for k, name in enumerate(pictures)},
        tuple(build.pictures),
        tuple(build.masks),
        tuple(heads),
        1 + max((drawable.instance for drawable in build.masks), default=0),
    )


def car_mesh(model: str, colour: str) -> str:
    return f"car {model} {colour}"


def car_shadow_mesh(model: str) -> str:
    return f"car shadow {model}"


def person_mesh(outfit: int, pose: int) -> str:
    return f"person {outfit} {pose}"


def lamp_mesh(state: int) -> str:
    return f"lit lamp {state}"


def _lay_ground(build: Merger, town: Town, atlas: Atlas, rng: np.random.Generator) -> None:
    white = atlas.colour((226, 226, 220))
    yellow = atlas.colour((214, 176, 52)) if rng.random() < 0.3 else white
    dash, gap = ((3.0, 3.0), (3.0, 4.5), (2.0, 4.0), (4.0, 2.0))[int(rng.integers(4))]
    style = ground.MarkingStyle(dash, gap, yellow, white, edges=bool(rng.random() < 0.6))
    build.surface("road", ground.road(town), "asphalt", Label.ROAD, 256, 420)
    build.surface("pavement", ground.pavement(town), "paving", Label.PAVEMENT, 128, 260)
    build.surface("banks", ground.banks(town), "grass", Label.GRASS, 128, 100)
    build.surface("meadow", ground.meadow(town), "grass", Label.GRASS, 4 * ground.FAR_M, FAR_M)
    build.scattered(ground.markings(town, style), Label.ROAD_MARKING, NEAR, MIDDLE)


def _set_props(build: Merger, town: Town, furniture: Furniture, plants: Plants, lamps: bool) -> list[Drawable]:
    """Add all that stands about; returns the traffic lights' heads."""
    for face in SIGN_FACES:
        build.shape(f"sign {face}", furniture.plate(face))
    build.shape("light head", furniture.light_head())
    for state in (RED, YELLOW, GREEN):
        build.shape(lamp_mesh(state), furniture.lit_lamp(state))
    build.shape("cone", furniture.cone())
    heads = []
    for prop in town.props:
        at = (prop.x, prop.y)
        match prop.kind:
            case "tree":
                build.thing(plants.tree(prop), Label.TREE, NEAR)
                build.thing(plants.far_tree(prop), Label.TREE, MIDDLE, FAR)
            case "hedge":
                build.thing(plants.hedge(prop), Label.TREE, NEAR, MIDDLE)
            case "fence":
                build.thing(furniture.fence(prop), Label.FENCE, NEAR, MIDDLE)
            case "bin" | "bench":
                build.thing(furniture.small(prop), Label.OBJECT, NEAR)
            case "cone":
                build.numbered("cone", Label.CONE, (*at, 0.0), prop.heading, NEAR)
            case _:
                build.thing(furniture.post(prop), Label.POLE, NEAR, MIDDLE)
        if prop.kind == "sign":
            xyz = (*at, prop.size - 0.45)
            build.numbered(f"sign {prop.variant}", Label.SIGN, xyz, prop.heading, NEAR, MIDDLE)
        elif prop.kind == "traffic_light":
            xyz = (*at, prop.size)
            heads.append(build.numbered("light head", Label.TRAFFIC_LIGHT, xyz, prop.heading, NEAR, MIDDLE))
    if lamps:
        glow = join(furniture.lamp_glow.moved(p.x, p.y, 0.0, p.heading) for p in town.props if p.kind == "lamp")
        build.surface("glow", glow, "things", Label.POLE, 128, 300, emission=1.0)
    return heads


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
    meshes: dict[str, Mesh], pictures: dict[str, NDArray], sky: NDArray[np.uint8], weather: Weather, samples: int
) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    for name, mesh in meshes.items():
        _add_mesh(spec, name, mesh)
    for name, picture in pictures.items():
        _add_texture(spec, name, np.clip(picture, 0, 255).astype(np.uint8)[::-1])
        material = spec.add_material(name=name)
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    box = spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, nchannel=3)
    box.width, box.height, box.data = sky.shape[1], sky.shape[0], sky.tobytes()
    view = spec.visual
    view.quality.offsamples, view.quality.shadowsize = samples, 0
    # The sky is a drum: its few sides must stay beyond everything else.
    view.quality.numslices, view.quality.numstacks = 8, 2
    # Distances are in units of the model's extent, which is 1 here.
    spec.stat.extent, view.map.znear, view.map.zfar = 1.0, NEAR_M, FAR_M
    view.map.fogstart, view.map.fogend = 0.0 if weather.fog_m > 600 else 4.0, weather.fog_m
    view.rgba.fog = [*weather.horizon, 1.0]
    return spec.compile()


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
    return MeshInfo(k, (*model.mesh_pos[k].tolist(), *centre.tolist(), *rotation.tolist(), radius))
