"""Hands in images: where they are in metres, and what is said where MediaPipe is missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from convoy.gestures.hand_tracker import HandTracker, place
from convoy.graph import ComponentError
from convoy.graph.bench import Bench

FOCAL, WIDTH, HEIGHT = 600.0, 640.0, 480.0


def test_metric_landmarks_are_put_where_they_look_as_large_as_they_do() -> None:
    random = np.random.default_rng(0)
    metric = random.normal(0, 0.05, (21, 3))
    shift = np.array([0.12, -0.05, 0.7])
    points = metric + shift
    pixels = FOCAL * points[:, :2] / points[:, 2:]
    seen = pixels / [WIDTH, HEIGHT] + 0.5
    camera = np.array([FOCAL, WIDTH, HEIGHT])
    assert np.allclose(place(metric, seen, camera), points, atol=1e-5)
    noisy = seen + random.normal(0, 0.5, seen.shape) / [WIDTH, HEIGHT]
    assert np.abs(place(metric, noisy, camera) - points).max() < 0.02
    # What is guessed does not count.
    wrong = seen.copy()
    wrong[:5] += 0.3
    weights = np.where(np.arange(21) < 5, 0.0, 1.0)
    assert np.allclose(place(metric, wrong, camera, weights), points, atol=1e-5)


def test_without_mediapipe_one_sentence_says_what_to_install() -> None:
    if importlib.util.find_spec("mediapipe"):
        pytest.skip("MediaPipe is installed here")
    bench = Bench(HandTracker("hand_tracker"))
    with pytest.raises(ComponentError, match=r"needs MediaPipe 0\.10\.21.*`\./convoy run hand_tracker`") as error:
        bench.component.configure()
    assert "\n" not in str(error.value)
    assert str(error.value).count(". ") == 0


def test_finds_a_hand_in_images_in_its_own_environment(root: Path) -> None:
    python = root / ".venv-hands" / "bin" / "python"
    if not (root / ".venv-hands" / "installed").exists():
        pytest.skip("needs the hand tracker's environment, which `./convoy run hand_tracker` makes")
    program = """
import numpy as np
from convoy.gestures.hand_tracker import HandTracker
from convoy.graph import Level, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.images import encode
from convoy.interfaces.messages import CameraInfo, HandSkeleton, Header, make, time
from convoy.interfaces.skeletons import joints
from convoy_sim.hands.gestures import OPEN
from convoy_sim.hands.kinematics import FINGERS, PITCH, POSE, HandShape
from convoy_sim.hands.picture import draw
check_component(HandTracker, {"body": True})
bench = Bench(HandTracker("hand_tracker", {"body": True}))
bench.component.configure()
bench.component.activate()
for shade in (0, 128, 255):
    bench.deliver("image", encode(np.full((240, 320, 3), shade, np.uint8), "bgr8", make(Header)))
assert bench.results() == [], "there is no hand in an empty picture"
assert not bench.reported("Errors", Level.ERROR)

# A right hand, open towards the camera, 55 cm away; the camera's focal length is told by camera_info.
pose = np.zeros((1, POSE))
pose[0, PITCH], pose[0, FINGERS:] = 0.1, OPEN.ravel()
hand = HandShape.draw(np.random.default_rng(1)).joints(pose)[0] @ np.diag([-1.0, -1.0, 1.0]) + [0.0, 0.09, 0.55]
k = np.array([600.0, 0, 320, 0, 600, 240, 0, 0, 1])
bench.deliver("camera_info", make(CameraInfo, k=k, height=480, width=640))
for number in range(3):
    bench.pass_time(33_000_000)
    header = make(Header, stamp=time(bench.now()), frame_id="camera_optical")
    bench.deliver("image", encode(draw(hand, 600.0, 640, 480), "rgb8", header))
found = bench.results("hands")
assert len(found) == 3, len(found)
assert len({skeleton.id for skeleton in found}) == 1
assert found[-1].header.frame_id == "camera_optical"
assert found[-1].handedness == HandSkeleton.RIGHT
error = np.linalg.norm(joints(found[-1]) - hand, axis=1)
assert np.median(error) < 0.1, error  # MediaPipe cannot know how large the hand is
aside = np.linalg.norm((joints(found[-1]) - hand)[:, :2], axis=1)
assert np.median(aside) < 0.03, aside
print("well")
"""
    done = subprocess.run(
        [python, "-c", program], capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": ""}
    )
    assert done.stdout.strip() == "well", done.stderr
