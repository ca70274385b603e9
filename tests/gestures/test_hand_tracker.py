"""Hands in images: where they are in metres, and what is said where MediaPipe is missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convoy.gestures.hand_tracker import HandTracker, place
from convoy.graph import ComponentError
from convoy.graph.bench import Bench

FOCAL, WIDTH, HEIGHT = 600.0, 640.0, 480.0
SET_UP = """
import pathlib, sys
import cv2
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

def tracker(parameters={}):
    bench = Bench(HandTracker("hand_tracker", parameters), 1_700_000_000 * 10**9)
    bench.component.configure()
    bench.component.activate()
    return bench

def show(bench, picture, seconds):
    stamp = 1_700_000_000 * 10**9 + round(seconds * 1e9)
    bench.pass_time(stamp - bench.now())
    header = make(Header, stamp=time(stamp), frame_id="camera_optical")
    bench.deliver("image", encode(np.ascontiguousarray(picture), "rgb8", header))
    assert not bench.reported("Errors", Level.ERROR)
"""


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


def test_a_driver_that_sends_images_and_calibration_best_effort_is_heard() -> None:
    assert {HandTracker.image.qos.reliability, HandTracker.camera_info.qos.reliability} == {"best_effort"}


def test_without_mediapipe_one_sentence_says_what_to_install() -> None:
    if importlib.util.find_spec("mediapipe"):
        pytest.skip("MediaPipe is installed here")
    bench = Bench(HandTracker("hand_tracker"))
    with pytest.raises(ComponentError, match=r"needs MediaPipe 0\.10\.21.*`\./convoy run hand_tracker`") as error:
        bench.component.configure()
    assert "\n" not in str(error.value)
    assert str(error.value).count(". ") == 0


@pytest.fixture
def tracked(root: Path) -> Callable[..., None]:
    """Runs a program in the hand tracker's own environment, with arguments; its asserts are to hold."""
    python = root / ".venv-hands" / "bin" / "python"
    if not (root / ".venv-hands" / "installed").exists():
        pytest.skip("needs the hand tracker's environment, which `./convoy run hand_tracker` makes")

    def run(program: str, *arguments: object) -> None:
        command = [str(python), "-c", SET_UP + program + '\nprint("well")', *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=root, env=os.environ | {"PYTHONPATH": ""}
        )
        assert done.stdout.strip() == "well", done.stderr

    return run


def test_finds_hands_in_images_in_its_own_environment(tracked: Callable[..., None]) -> None:
    tracked("""
check_component(HandTracker, {"body": True})
bench = tracker({"body": True})
for shade in (0, 128, 255):
    bench.deliver("image", encode(np.full((240, 320, 3), shade, np.uint8), "bgr8", make(Header)))
assert bench.results() == [], "there is no hand in an empty picture"

# A right hand, open towards the camera, 55 cm away; the camera's focal length is told by camera_info.
pose = np.zeros((1, POSE))
pose[0, PITCH], pose[0, FINGERS:] = 0.1, OPEN.ravel()
hand = HandShape.draw(np.random.default_rng(1)).joints(pose)[0] @ np.diag([-1.0, -1.0, 1.0]) + [0.0, 0.09, 0.55]
k = np.array([600.0, 0, 320, 0, 600, 240, 0, 0, 1])
bench.deliver("camera_info", make(CameraInfo, k=k, height=480, width=640))
picture = draw(hand, 600.0, 640, 480)
for number in range(3):
    show(bench, picture, number / 30)
found = bench.results("hands")
assert len(found) == 3, len(found)
assert len({skeleton.id for skeleton in found}) == 1
assert found[-1].header.frame_id == "camera_optical"
assert found[-1].handedness == HandSkeleton.RIGHT
error = np.linalg.norm(joints(found[-1]) - hand, axis=1)
assert np.median(error) < 0.1, error  # MediaPipe cannot know how large the hand is
aside = np.linalg.norm((joints(found[-1]) - hand)[:, :2], axis=1)
assert np.median(aside) < 0.03, aside

# Beside it the left one, which is its mirror image.
bench = tracker()
for number in range(3):
    show(bench, np.hstack([picture[:, 40:600], picture[:, 600:40:-1]]), number / 30)
two = bench.results("hands")[-2:]
assert sorted(skeleton.handedness for skeleton in two) == [HandSkeleton.LEFT, HandSkeleton.RIGHT]
assert two[0].id != two[1].id
assert two[0].header.stamp == two[1].header.stamp
""")


def test_finds_the_arms_of_people_in_a_street(tracked: Callable[..., None], shared: Path) -> None:
    """Two people of CamVid, cut out of pictures that were taken from a car."""
    tracked(
        """
for name, (top, bottom, right) in {"0016E5_05940": (105, 277, 119), "0006R0_f02640": (110, 331, 141)}.items():
    (path,) = pathlib.Path(sys.argv[1]).glob(f"*/{name}.jpg")
    person = cv2.resize(cv2.imread(str(path))[top:bottom, :right], None, fx=3, fy=3)
    bench = tracker({"body": True, "max_hands": 0})
    show(bench, cv2.cvtColor(person, cv2.COLOR_BGR2RGB), 0.0)
    (body,) = bench.results("body")
    arms = joints(body)
    for elbow, wrist in ((2, 4), (3, 5)):
        forearm = np.linalg.norm(arms[elbow] - arms[wrist])
        assert 0.18 < forearm < 0.35, forearm
        assert arms[wrist, 1] > arms[elbow, 1] - 0.1, "people who walk let their arms hang"
    assert (arms[:, 2] > 0.5).all(), arms
    bench.component.shutdown()
""",
        shared / "camvid",
    )
