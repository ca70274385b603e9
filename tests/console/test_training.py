"""Training on takes from the page: live losses, cancelling, what goes wrong; and handing over to the model."""

from __future__ import annotations

import contextlib
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import psutil
import pytest

from convoy.console.recording import HUMAN, PICTURE, Recorder
from convoy.graph.health import Level, Status, diagnostics
from convoy.inference import ModelCard
from convoy.interfaces.images import compress
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, Header, make, time
from convoy.launch import build, load

from .conftest import Robot

TRAINED_WITHIN_S = 400.0
"""On a busy machine it takes minutes to load torch."""
START = 1_700_000_000_000_000_000


def record(folder: Path, name: str, pictures: int = 60, width: int = 64, angle: float = 0.3) -> None:
    """A take in which the road's side says where to steer."""
    recorder = Recorder(folder, name, 1)
    rng = np.random.default_rng(0)
    for number in range(pictures):
        at = START + number * 50_000_000
        header, turn = make(Header, stamp=time(at)), angle * np.sin(number / 5)
        pixels = rng.integers(0, 40, (width // 2, width, 3), np.uint8)
        pixels[:, : int(width * (0.5 + turn))] += 150
        recorder.add(PICTURE, at, compress(pixels, "rgb8", header))
        drive = make(AckermannDrive, steering_angle=float(turn), speed=3.0)
        recorder.add(HUMAN, at, make(AckermannDriveStamped, header=header, drive=drive))
    assert not recorder.finish().failed


def takes_of(robot: Robot) -> Path:
    return Path(robot.console.parameters.folder) / "takes"


def models_of(robot: Robot) -> Path:
    return Path(robot.console.parameters.folder) / "models"


def test_a_model_is_trained_with_live_losses_and_the_policy_is_handed_to_it(robot: Robot) -> None:
    record(takes_of(robot), "take-1")
    page = robot.page()
    page.take_wheel()
    page.send(type="train", takes=["take-1"], epochs=2)
    page.wait_for("training", lambda message: message["course"] and message["course"]["state"] == "preparing")
    page.send(type="train", takes=["take-1"], epochs=2)
    assert "runs already" in page.wait_for("refused", lambda message: message["what"] == "train")["why"]
    page.send(type="delete", take="take-1")
    assert "being trained on" in page.wait_for("refused")["why"]
    ended = page.wait_for(
        "training", lambda message: message["course"]["state"] not in ("preparing", "training"), TRAINED_WITHIN_S
    )
    course = ended["course"]
    assert course["state"] == "done", course["said"]
    assert course["done"] == len(course["losses"]) == len(course["training"]) == 2
    assert all(loss > 0 for loss in course["training"])
    files = page.wait_for("files", lambda message: message["models"])
    (model,) = files["models"]
    assert model["task"] == "steering"
    assert 0 < model["rmse"] < 1
    path = models_of(robot) / f"{model['name']}.onnx"
    assert ModelCard.read(path).trained_on[0].frames > 0

    robot.mode("manual")
    page.wait_for("state", lambda state: state["mode"] == "manual")
    page.send(type="use", model=model["name"])
    assert robot.wait_for("mode_request").data == "stopped"
    assert not robot.published("model"), "the model is not changed before the vehicle stands"
    robot.mode("stopped")
    assert robot.wait_for("model").data == str(path.resolve())
    loaded = {"Model": Status(Level.OK, f"{model['name']} on cpu", {})}
    robot.put("health", diagnostics("policy", 0, loaded))
    page.wait_for("state", lambda state: (state["handover"] or {}).get("step") == "in use")


def test_a_training_is_cancelled_and_leaves_no_model(robot: Robot) -> None:
    record(takes_of(robot), "take-1")
    page = robot.page()
    page.take_wheel()
    page.send(type="train", takes=["take-1"], epochs=200)
    page.wait_for("training", lambda message: message["course"] is not None)
    gives_way()
    page.send(type="cancel")
    page.wait_for("training", lambda message: message["course"]["state"] == "cancelled")
    assert list(models_of(robot).glob("*.onnx")) == []


def gives_way() -> None:
    """Wait until the training gives way to what drives the robot: within its session, and among all sessions."""
    deadline = monotonic() + 60
    while monotonic() < deadline:
        for child in psutil.Process().children():
            autogroup = Path(f"/proc/{child.pid}/autogroup")
            with contextlib.suppress(psutil.Error, OSError):
                among_sessions = autogroup.read_text() if autogroup.exists() else "nice 10\n"
                if "train" in child.cmdline() and child.nice() == 10 and among_sessions.endswith("nice 10\n"):
                    return
        sleep(0.01)
    raise AssertionError("the training does not give way")


def test_what_the_training_complains_of_is_told(robot: Robot) -> None:
    record(takes_of(robot), "take-1", angle=0.0)
    page = robot.page()
    page.take_wheel()
    page.send(type="train", takes=["take-1"], epochs=2)
    failed = page.wait_for(
        "training", lambda message: (message["course"] or {}).get("state") == "failed", TRAINED_WITHIN_S
    )
    assert "nothing to learn" in failed["course"]["said"]


def test_takes_of_different_cameras_are_not_trained_on_together(robot: Robot) -> None:
    record(takes_of(robot), "take-1", pictures=3)
    record(takes_of(robot), "take-2", pictures=3, width=128)
    page = robot.page()
    page.take_wheel()
    page.send(type="train", takes=["take-1", "take-2"], epochs=2)
    assert "64x32" in page.wait_for("refused")["why"]


@pytest.mark.parametrize(
    "request_", [{"type": "train", "takes": ["gone"], "epochs": 1}, {"type": "use", "model": "gone"}]
)
def test_what_is_not_there_is_named(robot: Robot, request_: dict[str, Any]) -> None:
    page = robot.page()
    page.take_wheel()
    page.send(**request_)
    assert "'gone'" in page.wait_for("refused")["why"]


def test_what_trainings_of_the_simulated_car_begin_as_is_a_model_that_steers(root: Path) -> None:
    weights = pytest.importorskip("convoy.learning.driving_weights", reason="training needs the extra 'learn'")
    graph = {component.name: component for component, _ in build(load(root / "launch/console.launch.yaml", {}))}
    assert weights.load_steering(graph["console"].parameters.start_model, 0.1)[-1].out_features == 1
    arguments = {"start_model": "''"}  # as ros2 launch takes it
    bare = {component.name: component for component, _ in build(load(root / "launch/console.launch.yaml", arguments))}
    assert bare["console"].parameters.start_model == Path()
    car = {component.name: component for component, _ in build(load(root / "launch/car.launch.yaml", {}))}
    assert car["console"].parameters.start_model == Path(), "a real car's camera is unlike the simulated one"
