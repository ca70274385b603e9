"""Pictures, depth and masks of a town. Skipped where there is no OpenGL."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from convoy_sim import gl
from convoy_sim.cameras import CameraModel, Fisheye, Pinhole, stereo_pair
from convoy_sim.classes import CLASSES, UNLABELLED, Label
from convoy_sim.effects import Effects
from convoy_sim.errors import SimulationError
from convoy_sim.frame import Frame
from convoy_sim.lanes import GREEN, RED
from convoy_sim.look.weather import WEATHERS
from convoy_sim.scene import CarView, PersonView, Pose, Scene
from convoy_sim.town import Town

ALL = ("rgb", "depth", "classes", "instances", "boxes")
PINHOLE = Pinhole.of_view(320, 240, 80)
FISHEYE = Fisheye.of_view(320, 240, 160)


@pytest.fixture(scope="module")
def town() -> Town:
    return Town.generate(3)


@pytest.fixture(scope="module")
def scene(town: Town) -> Scene:
    try:
        gl.context()
    except SimulationError as error:
        pytest.skip(str(error))
    return Scene(town)


@pytest.fixture(scope="module")
def pose(town: Town) -> Pose:
    lane = next(lane for lane in town.lanes if lane.control == "light")
    x, y, heading = (float(v) for v in lane.curve.at(lane.curve.length - 28))
    return Pose(x, y, heading)


def ahead(pose: Pose, metres: float, left: float = 0.0) -> tuple[float, float]:
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    return pose.x + metres * c - left * s, pose.y + metres * s + left * c


@pytest.fixture(scope="module")
def busy(scene: Scene, town: Town, pose: Pose) -> Scene:
    """A car 12 m ahead, a person on its right."""
    car = CarView(0, *ahead(pose, 12), pose.heading, "sedan", "blue")
    person = PersonView(4, *ahead(pose, 8, -3), pose.heading, 1, 0.5)
    scene.set_movers([car], [person], town.light_states(3.0))
    return scene


def pixels(frame: Frame) -> bytes:
    assert frame.rgb is not None
    return frame.rgb.tobytes()


def points(frame: Frame, camera: CameraModel) -> np.ndarray:
    """(H, W, 3) what every pixel shows, in the map, from depth and calibration."""
    assert frame.depth is not None
    if isinstance(camera, Fisheye):
        rays = camera.rays()
        rays = rays / rays[..., 2:]
    else:
        u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
        rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1)
    return (rays * frame.depth[..., None]) @ frame.camera_pose[:3, :3].T + frame.camera_pose[:3, 3]


def test_fog_has_no_seam_where_the_views_of_a_fisheye_meet(scene: Scene, town: Town, pose: Pose) -> None:
    rgb = Scene(town, "fog").render(pose, FISHEYE).rgb
    assert rgb is not None
    grey, rays = rgb.mean(axis=2), FISHEYE.rays()
    x, y, z = np.moveaxis(rays, -1, 0)
    face = np.where(np.arccos(z) <= FISHEYE.max_angle, np.stack([z, x, -x, y]).argmax(axis=0), -1)
    pairs = [(grey[:, :-1], face[:, :-1], grey[:, 1:], face[:, 1:]), (grey[:-1], face[:-1], grey[1:], face[1:])]
    for one, other in ((0, 1), (0, 2), (0, 3), (1, 3), (2, 3)):
        steps = [(a - b)[(fa == one) & (fb == other)] for a, fa, b, fb in pairs]
        steps += [(b - a)[(fa == other) & (fb == one)] for a, fa, b, fb in pairs]
        assert abs(np.median(np.concatenate(steps))) < 2.0


@pytest.mark.parametrize("camera", [PINHOLE, FISHEYE], ids=["pinhole", "fisheye"])
def test_depth_is_metric_and_masks_lie_on_what_they_name(busy: Scene, pose: Pose, camera: CameraModel) -> None:
    frame = busy.render(pose, camera, ALL)
    assert frame.classes is not None
    assert frame.depth is not None
    z = points(frame, camera)[..., 2]
    near = (frame.depth > 0) & (frame.depth < 25)
    road = near & (frame.classes == Label.ROAD)
    assert road.sum() > 2000
    # A fisheye's depth is that of the nearest of the rays that were drawn.
    exact_m = 0.08 if isinstance(camera, Fisheye) else 0.03
    assert np.abs(z[road]).max() < exact_m
    pavement = z[near & (frame.classes == Label.PAVEMENT)]
    assert pavement.min() > -exact_m
    assert np.median(pavement) == pytest.approx(0.12, abs=0.02)
    assert (frame.depth[frame.classes == Label.SKY] == 0).all()
    assert (frame.depth[(frame.classes != Label.SKY) & (frame.classes != UNLABELLED)] > 0).all()


@pytest.mark.parametrize("camera", [PINHOLE, FISHEYE], ids=["pinhole", "fisheye"])
def test_a_known_thing_is_where_the_calibration_says(busy: Scene, pose: Pose, camera: CameraModel) -> None:
    frame = busy.render(pose, camera, ALL)
    assert frame.instances is not None
    x, y = ahead(pose, 12)
    middle = np.linalg.inv(frame.camera_pose) @ np.array([x, y, 0.7, 1.0])
    u, v = np.round(camera.project([middle[:3]])[0]).astype(int)
    number = int(frame.instances[v, u])
    box = next(box for box in frame.boxes or () if box.instance == number)
    assert box.label == Label.CAR
    assert box.x + box.width / 2 == pytest.approx(u, abs=0.1 * box.width + 1)
    # The rear is nearer than the middle, by half the car's length.
    assert frame.depth is not None
    assert frame.depth[v, u] == pytest.approx(middle[2] - 2.275, abs=0.25)


def test_boxes_enclose_their_instances_exactly(busy: Scene, pose: Pose) -> None:
    frame = busy.render(pose, PINHOLE, ALL)
    assert frame.boxes
    assert frame.instances is not None
    assert frame.classes is not None
    assert {box.instance for box in frame.boxes} == set(np.unique(frame.instances)) - {0}
    boxed = {entry.id for entry in CLASSES if entry.boxed}
    for box in frame.boxes:
        v, u = np.nonzero(frame.instances == box.instance)
        assert (box.x, box.y) == (u.min(), v.min())
        assert (box.width, box.height) == (u.max() - u.min() + 1, v.max() - v.min() + 1)
        assert box.pixels == len(u)
        assert set(np.unique(frame.classes[v, u])) == {box.label} <= boxed
        assert box.truncated == (u.min() == 0 or v.min() == 0 or u.max() == 319 or v.max() == 239)
    assert {Label.CAR, Label.PEDESTRIAN, Label.TRAFFIC_LIGHT} <= {box.label for box in frame.boxes}
    assert (np.isin(frame.classes, list(boxed)) == (frame.instances > 0)).all()


def test_the_same_seed_gives_the_same_bytes(busy: Scene, town: Town, pose: Pose) -> None:
    other = Scene(town)
    other.set_movers([CarView(0, *ahead(pose, 12), pose.heading, "sedan", "blue")], [], town.light_states(3.0))
    busy.set_movers([CarView(0, *ahead(pose, 12), pose.heading, "sedan", "blue")], [], town.light_states(3.0))
    # What was seen before must not show in what is seen now.
    busy.render(Pose(*ahead(pose, -30), pose.heading + 2.0), PINHOLE, ALL)
    one, two = busy.render(pose, PINHOLE, ALL), other.render(pose, PINHOLE, ALL)
    other.close()
    for part in ("rgb", "depth", "classes", "instances"):
        assert getattr(one, part).tobytes() == getattr(two, part).tobytes(), part
    assert one.boxes == two.boxes


def test_pictures_and_masks_show_the_same_things(busy: Scene, town: Town) -> None:
    rng = np.random.default_rng(5)
    for lane in (town.lanes[k] for k in rng.choice(2 * len(town.network.roads), 6)):
        x, y, heading = (float(v) for v in lane.curve.at(rng.uniform(0, lane.curve.length)))
        pose = Pose(x, y, heading)
        drawn = busy.render(pose, PINHOLE, ("rgb", "depth")).depth
        masked = busy.render(pose, PINHOLE, ("depth", "classes")).depth
        assert drawn is not None
        assert masked is not None
        # Merged in different ways, edges may fall on the neighbouring pixel.
        assert (np.abs(drawn - masked) > 0.02 * drawn + 0.01).mean() < 1e-3


def test_the_right_camera_sees_things_shifted_by_the_disparity(busy: Scene, pose: Pose) -> None:
    left, right = stereo_pair(PINHOLE, 0.5)
    seen = [busy.render(pose, camera, ("classes", "depth", "instances", "boxes")) for camera in (left, right)]
    cars = [next(box for box in frame.boxes or () if box.label == Label.CAR) for frame in seen]
    assert seen[0].depth is not None
    distance = seen[0].depth[cars[0].y + cars[0].height // 2, cars[0].x + cars[0].width // 2]
    assert cars[0].x - cars[1].x == pytest.approx(left.fx * 0.5 / distance, abs=1.5)


def test_lights_show_their_state(scene: Scene, town: Town) -> None:
    lane = next(lane for lane in town.lanes if lane.control == "light")
    x, y, heading = (float(v) for v in lane.curve.at(lane.curve.length - 12))
    camera = Pinhole.of_view(640, 480, 80)
    head = next(prop for prop in town.props if prop.kind == "traffic_light" and prop.light == lane.light)
    excess = {}
    for name, state in (("red", RED), ("green", GREEN)):
        scene.set_movers([], [], np.full(len(town.lights), state))
        frame = scene.render(Pose(x, y, heading), camera, ALL)
        at = np.linalg.inv(frame.camera_pose) @ np.array([head.x, head.y, head.size, 1.0])
        u, v = np.round(camera.project([at[:3]])[0]).astype(int)
        assert frame.rgb is not None
        assert frame.classes is not None
        assert frame.classes[v, u] == Label.TRAFFIC_LIGHT
        part = frame.rgb[v - 20 : v + 20, u - 10 : u + 10].astype(int)
        excess[name] = (part[..., 0] - part[..., 1]).max(), (part[..., 1] - part[..., 0]).max()
    assert excess["red"][0] > 100 > excess["green"][0]
    assert excess["green"][1] > 100 > excess["red"][1]


def test_a_fisheye_sees_nothing_beyond_its_circle(busy: Scene, pose: Pose) -> None:
    camera = Fisheye(320, 320, 110.0, 159.5, 159.5, np.radians(80))
    frame = busy.render(pose, camera, ALL)
    assert frame.rgb is not None
    assert frame.classes is not None
    assert frame.depth is not None
    assert frame.classes[2, 2] == UNLABELLED
    assert frame.depth[2, 2] == 0
    assert not frame.rgb[2, 2].any()
    assert frame.classes[160, 20] != UNLABELLED


def test_rain_and_noise_come_from_the_generator_alone(town: Town, scene: Scene, pose: Pose) -> None:
    wet = Scene(town, "rain", effects=Effects(noise=4.0, exposure=0.2, blur_px=0.5, vignette=0.3))
    chances = [np.random.default_rng(seed) for seed in (1, 1, 2)] + [None]
    one, same, other, clean = (pixels(wet.render(pose, PINHOLE, ("rgb",), rng)) for rng in chances)
    wet.close()
    assert one == same
    assert len({one, other, clean}) == 3


def test_what_is_unknown_is_refused(town: Town, scene: Scene, pose: Pose) -> None:
    with pytest.raises(SimulationError, match="nearest first: rain"):
        Scene(town, "rainy")
    with pytest.raises(SimulationError, match="found flow"):
        scene.render(pose, PINHOLE, ("rgb", "flow"))
    assert "clear" in WEATHERS


def test_without_opengl_one_sentence_names_the_package() -> None:
    script = (
        "import sys, types\n"
        "broken = types.ModuleType('mujoco.egl')\n"
        "def missing(name): raise ImportError('Unable to load EGL library')\n"
        "broken.__getattr__ = missing\n"
        "import mujoco\n"
        "sys.modules['mujoco.egl'] = broken\n"
        "from convoy_sim import gl\n"
        "from convoy_sim.errors import SimulationError\n"
        "try: gl.context()\n"
        "except SimulationError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.count("\n") == 1
    assert "apt install libegl1" in told
