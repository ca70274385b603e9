"""Data sets of simulated towns: the same bytes always, whatever stops the making of them, and true to the simulator."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.learning.datasets.conftest import RECIPE

from convoy.interfaces.image_files import inspect
from convoy.learning.datasets import recorder, scene_drive
from convoy.learning.datasets.poses import matrix_of_pose, read_matrix, read_trajectory
from convoy.learning.datasets.recipe import Recipe
from convoy.learning.datasets.recorded import open_recorded
from convoy.learning.datasets.recorder import record
from convoy.learning.datasets.sample import PARTS
from convoy.learning.datasets.spec import open_dataset
from convoy.learning.errors import LearningError
from convoy_sim.classes import CLASSES
from convoy_sim.errors import SimulationError

FOREVER_S = 600.0


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def call(folder: Path) -> subprocess.Popen[bytes]:
    given = ["--towns", RECIPE.towns, "--frames", RECIPE.frames, "--size", "64x48", "--stereo", 0.3, "--every", 0.2]
    words = [sys.executable, "-m", "convoy", "dataset", "record", *given, "--out", folder, "--workers", 2]
    return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for_pictures(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + FOREVER_S
    while len(list(folder.glob("images/[!.]*.jpg"))) < count:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)


def test_stopped_killed_and_gone_on_with_by_two_workers_it_is_the_same_to_the_byte(
    recorded: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "towns"
    process = call(folder)
    wait_for_pictures(folder, 1, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=FOREVER_S)
    assert process.returncode == 130
    assert b"Traceback" not in said

    process = call(folder)
    wait_for_pictures(folder, RECIPE.frames // 2, process)  # the short scene is whole, and half of the other there
    process.kill()
    process.communicate()
    with pytest.raises(LearningError, match="is not whole; call `convoy dataset record` again as it was begun"):
        open_dataset(f"folder:{folder}")
    for path in folder.glob("*/[!.]*.png"):
        data = np.frombuffer(path.read_bytes(), np.uint8)
        inspect(data)  # raises where a file is not whole

    process = call(folder)
    _, said = process.communicate(timeout=FOREVER_S)
    assert process.returncode == 0, said
    assert contents(folder) == contents(recorded)


def test_what_is_whole_is_left_alone(recorded: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in recorded.rglob("*.*")}
    told = []
    record(RECIPE, recorded, progress=lambda done, total: told.append((done, total)))
    assert told == [(RECIPE.frames, RECIPE.frames)]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_samples_agree_with_each_other(recorded: Path) -> None:
    found = open_recorded(recorded, "towns", PARTS)
    assert found.classes == tuple(entry.name for entry in CLASSES)
    assert len(found) == RECIPE.frames
    boxes = 0
    for sample in (found[number] for number in range(len(found))):
        assert sample.boxes is not None
        for box, label, number in zip(sample.boxes, sample.labels, sample.instance_ids, strict=True):
            rows, columns = np.nonzero(sample.instances == number)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (sample.mask[rows, columns] == label).all()
            assert label in found.boxed
            boxes += 1
        assert sample.image.shape == sample.right.shape == (48, 64, 3)
        assert np.isinf(sample.depth[sample.mask == 0]).all(), "the sky is beyond everything"
        assert sample.baseline_m == 0.3
        matrix = read_matrix(recorded / "poses" / f"{sample.name}.txt")
        np.testing.assert_allclose(sample.pose, matrix, atol=1e-7)
    assert boxes > 20


def test_depth_and_the_pair_agree(recorded: Path) -> None:
    """A point of the left picture is, by its depth, where the right picture shows the like."""
    found = open_recorded(recorded, "towns", PARTS)
    errors, unmoved = [], []
    for number in range(0, len(found), 7):
        sample = found[number]
        columns, rows = np.meshgrid(np.arange(64, dtype=np.float32), np.arange(48, dtype=np.float32))
        seen = sample.depth > 2.0
        shift = np.float32(sample.camera[0, 0] * sample.baseline_m) / np.maximum(sample.depth, 1e-3)
        seen &= columns - shift > 0
        warped = cv2.remap(sample.right, columns - shift, rows, cv2.INTER_LINEAR)
        left = sample.image.astype(float)
        errors.append(np.abs(warped - left)[seen & (shift > 1.5)].mean())
        unmoved.append(np.abs(sample.right - left)[seen & (shift > 1.5)].mean())
    assert np.mean(errors) < 0.8 * np.mean(unmoved)


def test_frames_of_one_start_are_apart_in_place(recorded: Path) -> None:
    poses = [row[1] for row in read_trajectory(recorded / "groundtruth.txt")]
    assert len(poses) == RECIPE.frames
    steps = [float(np.linalg.norm(a[:3] - b[:3])) for a, b in zip(poses[1:], poses, strict=False)]
    assert np.mean(np.array(steps) > scene_drive.MOVED_M) > 0.6
    upright = matrix_of_pose(poses[0])[:3, 1]
    assert upright[2] < -0.9, "the optical frame's y points down"


def test_coco_speaks_of_the_same_things(recorded: Path) -> None:
    ours = open_recorded(recorded, "towns", PARTS)
    theirs = open_dataset(f"coco:{recorded / 'images'},{recorded / 'annotations.json'}")
    assert len(theirs) == len(ours)
    assert theirs.licence == ours.licence
    for number in range(0, len(ours), 9):
        one, other = ours[number], theirs[number]
        np.testing.assert_array_equal(one.boxes, other.boxes)
        assert [ours.classes[label] for label in one.labels] == [theirs.classes[label] for label in other.labels]
        for mine, its in zip(one.instance_ids, other.instance_ids, strict=True):
            np.testing.assert_array_equal(one.instances == mine, other.instances == its)


def test_another_recipe_is_not_mixed_in(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"was made with width 64 instead of 80; name another folder, or remove it"):
        record(replace(RECIPE, width=80), recorded)
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(LearningError, match=r"is not empty \(holiday.jpg\); name a new folder"):
        record(RECIPE, tmp_path)


def test_another_version_of_the_simulator_is_told(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(recorded, tmp_path / "towns")
    monkeypatch.setattr("convoy.learning.datasets.recipe.simulator_digest", lambda: "another")
    with pytest.warns(UserWarning, match="is of another version of the simulator; remove it to have it made anew"):
        record(RECIPE, folder)
    (folder / "annotations.json").unlink()
    with pytest.raises(LearningError, match="was made with simulator "):
        record(RECIPE, folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames": 0}, "frames is 0, wanted 1 to"),
        ({"fov": 175.0}, "fov is 175, wanted 10 to 150"),
        ({"every": float("nan")}, "every is nan"),
        ({"weathers": ("fgo",)}, "There is no weather 'fgo'; nearest first: fog, "),
        ({"format": "webp"}, "jpeg or png, not as 'webp'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(LearningError, match=said):
        replace(RECIPE, **change)


def test_towns_that_are_none_are_refused() -> None:
    with pytest.raises(SimulationError, match="found 'tset'"):
        Recipe("tset", 10)


def test_scenes_are_spread_over_the_towns_and_no_drive_comes_twice() -> None:
    few = Recipe("train", 400).scenes()
    assert [scene.town for scene in few] == [100 * number for number in range(10)]
    many = Recipe("5,6", 1000).scenes()
    assert len({(scene.town, scene.drive) for scene in many}) == len(many)
    assert sum(len(scene.frames) for scene in many) == 1000
    assert [scene.frames[0] for scene in many] == sorted(scene.frames[0] for scene in many)


def test_a_worker_that_is_killed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_work", _die)
    scenes = RECIPE.scenes()
    with pytest.raises(LearningError, match="A worker ended with exit code -9, killed perhaps for want of memory"):
        list(recorder._write_all(RECIPE, scenes, tmp_path, 2))


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_full_disk_is_told_and_what_was_made_is_kept(opengl: None, tmp_path: Path, root: Path) -> None:
    """On a real file system of 900 kB, which only root may mount."""
    out = f"{tmp_path}/towns"
    command = f"{sys.executable} -m convoy dataset record --towns 3 --frames 400 --size 64x48 --every 0.2 --workers 1"
    script = f"mount -t tmpfs -o size=900k tmpfs {tmp_path} && {command} --out {out}; echo code $?; ls {out}/.scenes"
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk to fill")
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert "can't be written: No space left on device. What is made is kept; call again." in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.split() == ["code", "1", "000000.json"]


def test_the_licence_and_the_files_are_standard(recorded: Path) -> None:
    found = json.loads((recorded / "annotations.json").read_text())
    assert found["licenses"][0]["name"] == "Apache-2.0 (made by convoy)"
    assert {row["name"] for row in found["categories"]} == {entry.name for entry in CLASSES if entry.boxed}
    names = {path.name for path in recorded.iterdir() if not path.name.startswith(".")}
    folders = {"images", "right", "masks", "instances", "depth", "poses"}
    files = {"annotations.json", "classes.json", "recipe.json", "camera_info.yaml", "camera_info_right.yaml"}
    assert names == folders | files | {"groundtruth.txt", "rgb.txt", "depth.txt"}
    depth = cv2.imread(str(recorded / "depth" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
