"""A town as a camera sees it: MuJoCo draws it, and says what is where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from convoy_sim import gl
from convoy_sim.assets import (
    Assets,
    build_assets,
    car_mesh,
    car_shadow_mesh,
    lamp_mesh,
    person_mesh,
)
from convoy_sim.cameras import CameraModel, camera_info, rotation
from convoy_sim.classes import Label
from convoy_sim.curve import Floats
from convoy_sim.effects import Effects, degrade
from convoy_sim.errors import SimulationError
from convoy_sim.frame import Frame, boxes_of
from convoy_sim.lanes import GREEN, RED, YELLOW
from convoy_sim.look.ground import KERB_HEIGHT_M
from convoy_sim.look.people import OUTFITS, POSES, STRIDE_M
from convoy_sim.look.weather import Weather, draw_weather
from convoy_sim.merging import Drawable
from convoy_sim.painter import Painter
from convoy_sim.placing import Brush
from convoy_sim.town import Town
from convoy_sim.views import views_of

PARTS = frozenset(("rgb", "depth", "classes", "instances", "boxes"))
"""What may be asked of a camera."""


_SEEN_M = {Label.CAR: 160.0, Label.PEDESTRIAN: 110.0}
"""From how far away what moves is drawn."""


@dataclass(frozen=True)
class Pose:
    """Where a vehicle's `base_link` is in the map: metres and radians; pitch is positive with the nose down."""

    x: float
    y: float
    heading: float
    z: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def matrix(self) -> Floats:
        """(4, 4) pose in the map."""
        pose = np.eye(4)
        pose[:3, :3] = rotation(self.heading, self.pitch, self.roll)
        pose[:3, 3] = self.x, self.y, self.z
        return pose


@dataclass(frozen=True)
class CarView:
    """A moving car to be shown: the middle of it, its heading; `id` is 0 or more and stays with it."""

    id: int
    x: float
    y: float
    heading: float
    model: str
    colour: str


@dataclass(frozen=True)
class PersonView:
    """A person to be shown: where, the way they face, how far they have walked (None: they stand), their outfit."""

    id: int
    x: float
    y: float
    heading: float
    outfit: int
    walked_m: float | None = None


class Scene:
    """A town in some weather, with what moves in it.

    Scenes draw in the OpenGL context of the thread that uses them first; see `convoy_sim.gl`. Making one takes about
    two seconds. `seed` varies the light and weather, not the town; `samples` is for multisampling (0 for none: 2.5
    times faster).

    Raises:
        SimulationError: the weather has no such name, or there is no OpenGL.
    """

    def __init__(
        self,
        town: Town,
        weather: str | Weather = "clear",
        seed: int = 0,
        samples: int = 0,
        effects: Effects | None = None,
    ) -> None:
        self.town = town
        if isinstance(weather, str):
            weather = draw_weather(weather, np.random.default_rng((town.seed, 4, seed)))
        self.weather = weather
        self.effects = effects or Effects()
        self._assets: Assets = build_assets(town, weather, np.random.default_rng((town.seed, 5)), samples)
        gl.context()
        self._painter = Painter(self._assets, weather)
        self._pavements = _Pavements(town)
        self._brushes: dict[tuple[str, int], Brush] = {}
        lights = [prop.light for prop in town.props if prop.kind == "traffic_light"]
        self._heads = list(zip(map(self._lamps, self._assets.heads), lights, strict=True))
        self.set_movers((), (), town.light_states(0.0))

    def set_movers(
        self, cars: Sequence[CarView], people: Sequence[PersonView], lights: Sequence[int] | NDArray[np.int8]
    ) -> None:
        """Say where all that moves is now, and what the traffic lights (one state each) show."""
        brushes, places = [], []
        for car in cars:
            # Cars take the even numbers, people the odd ones, so that neither changes with the other's count.
            number = self._assets.first_free + 2 * car.id
            mesh, shadow = car_mesh(car.model, car.colour), car_shadow_mesh(car.model)
            brushes += [self._brush(mesh, Label.CAR, number), self._brush(shadow, None, 0)]
            places += [(car.x, car.y, 0.0, car.heading)] * 2
        for person in people:
            pose = POSES if person.walked_m is None else int(person.walked_m / STRIDE_M * POSES) % POSES
            number = self._assets.first_free + 2 * person.id + 1
            brushes.append(self._brush(person_mesh(person.outfit % OUTFITS, pose), Label.PEDESTRIAN, number))
            floor = self._pavements.height(person.x, person.y)
            places.append((person.x, person.y, floor, person.heading))
        for (head, at), light in self._heads:
            brushes.append(head[int(lights[light])])
            places.append(at)
        self._movers = self._painter.placer.moving(brushes, places)

    def render(
        self,
        pose: Pose,
        camera: CameraModel,
        want: Collection[str] = ("rgb",),
        rng: np.random.Generator | None = None,
    ) -> Frame:
        """What a camera on a vehicle at `pose` sees, all of it at one instant.

        `want` names the parts of the frame ("rgb", "depth", "classes", "instances", "boxes"). Rain, noise and the
        like are drawn from `rng`; without one they are left out.

        Raises:
            SimulationError: a part is unknown.
        """
        if unknown := sorted(set(want) - PARTS):
            raise SimulationError(f"A frame has {', '.join(sorted(PARTS))}; found {', '.join(unknown)}.")
        gl.context()
        views = views_of(camera)
        camera_pose = pose.matrix() @ camera.mounting.optical_in_vehicle()
        masks = bool({"classes", "instances", "boxes"} & set(want))
        shots = [
            self._painter.paint(view, camera_pose, self._movers, "rgb" in want, "depth" in want, masks)
            for view in views.faces
        ]
        rgb, depth, classes, instances = views.merge(shots)
        if rgb is not None and rng is not None:
            rgb = degrade(rgb, self.effects, self.weather.rain, rng)
        boxes = (
            boxes_of(instances, classes) if "boxes" in want and instances is not None and classes is not None else None
        )
        return Frame(
            camera_info(camera),
            camera_pose,
            rgb,
            depth,
            classes if "classes" in want else None,
            instances if "instances" in want else None,
            boxes,
        )

    def close(self) -> None:
        """Free what the scene holds of OpenGL; call it in the thread that drew."""
        gl.context()
        self._painter.close()

    def _lamps(self, head: Drawable) -> tuple[list[Brush], tuple[float, float, float, float]]:
        """The lit lamp of a traffic light's head in each state, and where it is."""
        lamps = [replace(head, mesh=lamp_mesh(state), emission=0.9) for state in (RED, YELLOW, GREEN)]
        return [self._painter.placer.brush(lamp) for lamp in lamps], (*head.position, head.yaw)

    def _brush(self, mesh: str, label: Label | None, number: int) -> Brush:
        key = (mesh, number)
        found = self._brushes.get(key)
        if found is None:
            if label is None:
                drawable = Drawable(mesh, "blob", None, far_m=60.0, see_through=True)
            else:
                drawable = Drawable(mesh, "things", label, far_m=_SEEN_M[label], instance=number)
            found = self._brushes[key] = self._painter.placer.brush(drawable)
        return found


class _Pavements:
    """Where the ground is as high as a kerb."""

    CELL_M = 0.25

    def __init__(self, town: Town) -> None:
        x0, y0, x1, y1 = town.bounds
        self._low = np.array([x0, y0]) - 20.0
        columns, rows = ((np.array([x1, y1]) + 20.0 - self._low) / self.CELL_M).astype(int).tolist()
        raised = np.zeros((rows, columns), dtype=np.uint8)
        for footway in town.footways:
            kerb, edge = ((line - self._low) / self.CELL_M for line in (footway.kerb, footway.edge))
            pieces = np.stack([kerb[:-1], kerb[1:], edge[1:], edge[:-1]], axis=1).round().astype(np.int32)
            for piece in pieces:
                cv2.fillConvexPoly(raised, piece, 1)
        self._raised = raised

    def height(self, x: float, y: float) -> float:
        column, row = int((x - self._low[0]) / self.CELL_M), int((y - self._low[1]) / self.CELL_M)
        inside = 0 <= row < self._raised.shape[0] and 0 <= column < self._raised.shape[1]
        return KERB_HEIGHT_M if inside and self._raised[row, column] else 0.0
