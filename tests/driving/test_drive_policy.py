"""The driving policy: from a camera image and an instruction to a command, or to a named reason why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.driving.tiny import COMMANDS, INSTRUCTIONS, write_drive_model

from convoy.driving.drive_policy import DrivePolicy
from convoy.graph import ComponentError, Level, ParameterError, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.images import encode
from convoy.interfaces.messages import CameraInfo, Header, String, make, time

STAMP = 1_700_000_000_123_456_789


def picture(red: int) -> Any:
    pixels = np.full((120, 160, 3), (red, 10, 10), np.uint8)
    return encode(pixels, "rgb8", make(Header, stamp=time(STAMP), frame_id="camera_optical"))


def camera_info() -> Any:
    """A pinhole of 160x120 that sees 90 degrees."""
    k = np.array([80.0, 0, 79.5, 0, 80.0, 59.5, 0, 0, 1])
    return make(CameraInfo, width=160, height=120, distortion_model="plumb_bob", k=k, d=np.zeros(5))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drive_model(tmp_path_factory.mktemp("models") / "tiny.onnx")


def active(model: Path, **parameters: Any) -> Bench:
    bench = Bench(DrivePolicy("policy", {"model": str(model), **parameters}), STAMP)
    bench.component.configure()
    bench.component.activate()
    bench.deliver("camera_info", camera_info())
    return bench


@pytest.fixture
def policy(model: Path) -> Bench:
    return active(model)


@pytest.mark.parametrize(("instruction", "command"), list(zip(INSTRUCTIONS, COMMANDS, strict=True))[:3])
def test_it_commands_what_the_model_says_for_the_instruction(
    policy: Bench, instruction: str, command: tuple[float, float]
) -> None:
    policy.deliver("route", make(String, data=instruction))
    policy.deliver("image", picture(204))
    (sent,) = policy.results("drive")
    assert sent.drive.steering_angle == pytest.approx(0.8 * command[0], rel=1e-5)
    assert sent.drive.speed == command[1]
    assert (sent.header.stamp, sent.header.frame_id) == (time(STAMP), "camera_optical")


def test_without_an_instruction_it_follows_the_road_also_after_a_deactivation(policy: Bench) -> None:
    policy.deliver("image", picture(204))
    policy.deliver("route", make(String, data="left"))
    policy.component.deactivate()
    policy.component.activate()
    policy.deliver("camera_info", camera_info())
    policy.deliver("image", picture(204))
    assert [sent.drive.speed for sent in policy.results("drive")] == [COMMANDS[0][1]] * 2


def test_an_instruction_that_the_model_does_not_know_is_an_error_and_the_one_before_holds(policy: Bench) -> None:
    policy.deliver("route", make(String, data="right"))
    policy.deliver("route", make(String, data="rihgt"))
    assert policy.reported("Errors", Level.ERROR) == [
        "route: the route says 'rihgt', but the model knows follow, left, right, straight; 'right' still holds"
    ]
    policy.deliver("image", picture(204))
    assert policy.results("drive")[0].drive.steering_angle < -0.3


def test_the_speed_is_scaled_and_limited(model: Path) -> None:
    bench = active(model, max_speed=9.0, speed_scale=0.5)
    for instruction in ("left", "straight"):
        bench.deliver("route", make(String, data=instruction))
        bench.deliver("image", picture(204))
    assert [sent.drive.speed for sent in bench.results("drive")] == [1.0, 9.0]
    bench.component.set_parameters({"max_speed": 4.0})
    bench.deliver("image", picture(204))
    assert bench.results("drive")[-1].drive.speed == 4.0
    with pytest.raises(ParameterError, match="'speed_scale' is 3"):
        bench.component.set_parameters({"speed_scale": 3.0})


def test_a_command_that_is_not_finite_is_an_error_and_is_not_published(policy: Bench) -> None:
    policy.deliver("image", picture(0))
    assert policy.results() == []
    assert policy.reported("Errors", Level.ERROR) == ["image: the model gave a speed of nan"]
    policy.deliver("image", picture(100))
    assert len(policy.results("drive")) == 1


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ({"task": "steer"}, "is a model for task 'steer', wanted 'drive'"),
        ({"classes": ()}, "tiny has classes none; wanted one for each instruction, 'follow' among them"),
    ],
)
def test_a_model_that_cannot_drive_is_refused(tmp_path: Path, card: dict[str, Any], found: str) -> None:
    model = write_drive_model(tmp_path / "odd.onnx", **card)
    bench = Bench(DrivePolicy("policy", {"model": str(model)}))
    with pytest.raises(ComponentError, match=f"configure failed: .*{found}"):
        bench.component.configure()


def test_a_model_with_another_number_of_commands_than_classes_gives_none(tmp_path: Path) -> None:
    policy = active(write_drive_model(tmp_path / "five.onnx", classes=(*INSTRUCTIONS, "park")))
    policy.deliver("image", picture(204))
    assert policy.results() == []
    assert "commands of shape (4, 2), not (5, 2)" in policy.reported("Errors", Level.ERROR)[0]


def test_it_keeps_to_the_contract(model: Path) -> None:
    route = [make(String, data=name) for name in INSTRUCTIONS]
    examples = {"camera_info": [camera_info()] * 4, "image": [picture(200)] * 4, "route": route}
    check_component(DrivePolicy, {"model": str(model), "device": "cpu"}, examples)
