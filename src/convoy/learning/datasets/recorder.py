"""Makes simulated data sets: on all cores, always the same bytes, and on from where an earlier call was stopped."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from convoy.errors import ConvoyError
from convoy.interfaces.camera_info_file import write_camera_info
from convoy.interfaces.messages import CameraInfo, make
from convoy.learning.datasets.classes import CLASSES_FILE, simulated
from convoy.learning.datasets.recipe import RECIPE_FILE, Recipe, Scene
from convoy.learning.datasets.scene_drive import SCENES, write_scene, write_whole
from convoy.learning.errors import LearningError

ANNOTATIONS_FILE = "annotations.json"
"""Is written last: a folder that has it is whole."""
LICENCE = "Apache-2.0 (made by convoy)"
Progress = Callable[[int, int], None]
"""Is told how many frames there are, and how many there will be."""


def record(recipe: Recipe, folder: Path, workers: int | None = None, progress: Progress | None = None) -> None:
    """Make a data set in a folder; what is there of it from an earlier call is not made again.

    It holds ``images`` (and ``right``), ``masks``, ``instances`` and ``depth`` (millimetres, 0 beyond 65.5 m) as PNG
    files, ``poses`` (4x4, camera to map), ``annotations.json`` (COCO; boxes are of what is visible, so the last of a
    ``bbox`` is its visible height), ``groundtruth.txt``, ``rgb.txt`` and ``depth.txt`` (TUM), ``camera_info.yaml``
    (and ``camera_info_right.yaml``), ``classes.json`` and ``recipe.json``. `workers` are processes, one per core
    without it.

    Raises:
        LearningError: the folder holds something else, a file can't be written, or a worker was killed.
        SimulationError: there is no OpenGL.
    """
    tell = progress or (lambda done, total: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if _begin(recipe, folder):
                tell(recipe.frames, recipe.frames)
                return
            scenes = recipe.scenes()
            left = [scene for scene in scenes if not (folder / SCENES / f"{scene.number:06d}.json").exists()]
            done = recipe.frames - sum(len(scene.frames) for scene in left)
            tell(done, recipe.frames)
            for count in _write_all(recipe, left, folder, workers or os.cpu_count() or 1):
                done += count
                tell(done, recipe.frames)
            _finish(recipe, folder)
    except OSError as error:
        where = error.filename or folder
        raise LearningError(f"{where} can't be written: {error.strerror}. What is made is kept; call again.") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time write to a folder."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            warnings.warn(f"{folder} is being made by another process; waiting for it.", stacklevel=2)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _begin(recipe: Recipe, folder: Path) -> bool:
    """See that the folder is fit for a recipe, and say whether all is there already."""
    path = folder / RECIPE_FILE
    if path.exists():
        whole, found = (folder / ANNOTATIONS_FILE).exists(), recipe.differences(path)
        if whole and found and all(difference.startswith("simulator") for difference in found):
            warnings.warn(
                f"{folder} is of another version of the simulator; remove it to have it made anew.", stacklevel=3
            )
        elif found:
            raise LearningError(f"{folder} was made with {', '.join(found)}; name another folder, or remove it.")
        return whole
    if strangers := sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".")):
        raise LearningError(f"{folder} is not empty ({', '.join(strangers[:3])}); name a new folder.")
    _write_calibration(recipe, folder)
    write_whole(folder / CLASSES_FILE, simulated().dump().encode())
    (folder / SCENES).mkdir(exist_ok=True)
    write_whole(path, recipe.dump().encode())
    return False


def _write_calibration(recipe: Recipe, folder: Path) -> None:
    import numpy as np

    from convoy_sim.cameras import Pinhole, camera_info, stereo_pair

    left, right = stereo_pair(Pinhole.of_view(recipe.width, recipe.height, recipe.fov), recipe.stereo)
    cameras = {"camera": left} | ({"camera_right": right} if recipe.stereo else {})
    for name, camera in cameras.items():
        info = camera_info(camera)
        arrays = {part: np.array(getattr(info, part)) for part in ("d", "k", "r", "p")}
        size = {"width": info.width, "height": info.height, "distortion_model": info.distortion_model}
        write_camera_info(
            folder / f"{name.replace('camera', 'camera_info')}.yaml", make(CameraInfo, **size, **arrays), name
        )


def _finish(recipe: Recipe, folder: Path) -> None:
    """Put together what the scenes say."""
    table = simulated()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    poses, colour, depth = ["# time x y z qx qy qz qw\n"], ["# time file\n"], ["# time file\n"]
    ending = "jpg" if recipe.format == "jpeg" else "png"
    for path in sorted((folder / SCENES).glob("*.json")):
        for row in json.loads(path.read_text()):
            number, file = row["number"], f"{row['number']:06d}.{ending}"
            about = {"town": row["town"], "weather": row["weather"]}
            images.append({"id": number, "file_name": file, "width": recipe.width, "height": recipe.height, **about})
            for annotation in row["annotations"]:
                annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
            stamp = f"{row['stamp']:.6f}"
            poses.append(" ".join([stamp, *(f"{value:.9f}" for value in row["pose"])]) + "\n")
            colour.append(f"{stamp} images/{file}\n")
            depth.append(f"{stamp} depth/{row['number']:06d}.png\n")
    categories = [{"id": number, "name": table.names[number]} for number in table.boxed]
    for name, lines in (("groundtruth.txt", poses), ("rgb.txt", colour), ("depth.txt", depth)):
        write_whole(folder / name, "".join(lines).encode())
    for draft in folder.glob("*/.*.part"):
        draft.unlink()
    licence = [{"id": 1, "name": LICENCE}]
    whole = {"licenses": licence, "categories": categories, "images": images, "annotations": annotations}
    write_whole(folder / ANNOTATIONS_FILE, json.dumps(whole).encode())
    shutil.rmtree(folder / SCENES)


def _write_all(recipe: Recipe, scenes: Sequence[Scene], folder: Path, workers: int) -> Iterator[int]:
    """Write scenes in so many processes; yields how many frames each has, as they get done."""
    workers = min(workers, len(scenes))
    if workers <= 1:
        yield from (write_scene(recipe, scene, folder) for scene in scenes)
        return
    context = multiprocessing.get_context("spawn")  # OpenGL does not survive a fork
    processes: dict[Connection, Any] = {}
    everyone = []
    try:
        for number in range(workers):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(recipe, scenes[number::workers], folder, theirs), daemon=True)
            process.start()
            theirs.close()
            processes[ours] = process
            everyone.append(process)
        while processes:
            for pipe in wait(list(processes)):
                assert isinstance(pipe, Connection)
                try:
                    found = pipe.recv()
                except EOFError:
                    process = processes.pop(pipe)
                    process.join()
                    if process.exitcode:
                        raise LearningError(
                            f"A worker ended with exit code {process.exitcode}, killed perhaps for want of memory. "
                            "What is made is kept; call again, with fewer workers."
                        ) from None
                    continue
                if isinstance(found, BaseException):
                    raise found
                yield found
    finally:
        for process in everyone:
            process.terminate()
        for process in everyone:
            process.join()


def _work(recipe: Recipe, scenes: Sequence[Scene], folder: Path, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the caller ends the workers
    threading.Thread(target=_leave_with_caller, daemon=True).start()
    try:
        for scene in scenes:
            pipe.send(write_scene(recipe, scene, folder))
    except (ConvoyError, OSError) as error:
        pipe.send(error)


def _leave_with_caller() -> None:
    """End when the caller does, were it killed: who calls again must be alone."""
    caller = multiprocessing.parent_process()
    assert caller is not None
    caller.join()
    os._exit(1)
