"""One scene of a simulated data set: driven by the expert, looked at now and then, written to files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convoy.interfaces.image_files import write_jpeg, write_png
from convoy.learning.datasets.pictures import JPEG_QUALITY, depth_png
from convoy.learning.datasets.poses import dump_matrix, pose_of_matrix
from convoy.learning.datasets.recipe import Recipe, Scene
from convoy.learning.datasets.sample import Array

SCENES = ".scenes"
"""What a set that is being made knows of its scenes; one that is here is whole."""
START_FRAMES = 10
"""The car starts anew, elsewhere in the town, after so many."""
MOVED_M = 2.0
KEEP_STANDING = 0.15
"""Share of the looks that are kept though the car has hardly moved since the last: one red light is like another."""
CARS, PEOPLE = (8, 40), (30, 200)
"""How many there are in a town, from and to: a busy one shows in an hour what a quiet one shows in a day."""
DRIVE_S = 1000.0
"""Stamps of one start of the car are so far from those of the next."""


@dataclass(frozen=True)
class Look:
    """What is seen at one instant."""

    stamp: float
    frame: Any
    right: Array | None


def write_scene(recipe: Recipe, scene: Scene, folder: Path) -> int:
    """Write a scene's files, each whole or not at all, and when all are there its record; returns how many frames.

    Raises:
        OSError: a file can't be written.
        SimulationError: there is no OpenGL.
    """
    rng = np.random.default_rng((scene.town, scene.drive, 12))
    weather = _weather(recipe, rng)
    rows = []
    for number, look in zip(scene.frames, looks(recipe, scene, weather, rng), strict=True):
        name, frame = f"{number:06d}", look.frame
        _write_picture(folder / "images", name, frame.rgb, recipe.format)
        if look.right is not None:
            _write_picture(folder / "right", name, look.right, recipe.format)
        write_whole(folder / "masks" / f"{name}.png", write_png(frame.classes).tobytes())
        write_whole(folder / "instances" / f"{name}.png", write_png(frame.instances).tobytes())
        write_whole(folder / "depth" / f"{name}.png", depth_png(frame.depth).tobytes())
        write_whole(folder / "poses" / f"{name}.txt", dump_matrix(frame.camera_pose).encode())
        rows.append(
            {
                "number": number,
                "stamp": round(look.stamp, 6),
                "town": scene.town,
                "weather": weather,
                "pose": [round(float(value), 9) for value in pose_of_matrix(frame.camera_pose)],
                "annotations": _annotations(frame),
            }
        )
    write_whole(folder / SCENES / f"{scene.number:06d}.json", json.dumps(rows).encode())
    return len(rows)


def looks(recipe: Recipe, scene: Scene, weather: str, rng: np.random.Generator) -> Iterator[Look]:
    """What the camera sees at instants that differ, from one start after another.

    Raises:
        SimulationError: there is no OpenGL.
    """
    from convoy_sim import expert
    from convoy_sim.cameras import Pinhole, stereo_pair
    from convoy_sim.rig import Rig
    from convoy_sim.traffic import Density
    from convoy_sim.world import STEP_S, World

    density = Density(*(int(rng.integers(low, high, endpoint=True)) for low, high in (CARS, PEOPLE)))
    world = World(scene.town, density, weather, drive=scene.drive)
    camera = Pinhole.of_view(recipe.width, recipe.height, recipe.fov)
    left, right = stereo_pair(camera, recipe.stereo) if recipe.stereo else (camera, None)
    rig = Rig(world, scene.drive)
    try:
        for seen in range(len(scene.frames)):
            start, again = divmod(seen, START_FRAMES)
            if not again:
                state = world.reset(scene.drive + start)
                at = (state.x, state.y)
            while True:
                for _ in range(round(recipe.every / STEP_S)):
                    world.step(*expert.drive(world))
                now = world.state
                if math.dist(at, (now.x, now.y)) >= MOVED_M or rng.random() < KEEP_STANDING:
                    break
            at = (now.x, now.y)
            rig.look()
            frame = rig.render(left, ("rgb", "depth", "classes", "instances", "boxes"))
            other = rig.render(right).rgb if right else None
            yield Look((scene.frames[0] + start) * DRIVE_S + world.time_s, frame, other)
    finally:
        rig.close()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there with all its bytes, or not there; folders are made."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
    draft.replace(path)


def _weather(recipe: Recipe, rng: np.random.Generator) -> str:
    from convoy_sim.look.weather import WEATHERS

    return str(rng.choice(recipe.weathers or WEATHERS))


def _write_picture(folder: Path, name: str, pixels: Array, format: str) -> None:
    if format == "jpeg":
        write_whole(folder / f"{name}.jpg", write_jpeg(pixels, "rgb8", JPEG_QUALITY).tobytes())
    else:
        write_whole(folder / f"{name}.png", write_png(np.ascontiguousarray(pixels[..., ::-1])).tobytes())


def _annotations(frame: Any) -> list[dict[str, Any]]:
    """The boxes as COCO has them, but for their numbers; each mask as compressed run lengths."""
    from faster_coco_eval.core import mask as coco_mask

    rows = []
    for box in frame.boxes:
        encoded = coco_mask.encode(np.asfortranarray(frame.instances == box.instance, np.uint8))
        rows.append(
            {
                "category_id": int(box.label),
                "bbox": [box.x, box.y, box.width, box.height],
                "area": box.pixels,
                "segmentation": {"size": list(frame.instances.shape), "counts": encoded["counts"].decode()},
                "iscrowd": 0,
                "instance": box.instance,
                "truncated": box.truncated,
            }
        )
    return rows
