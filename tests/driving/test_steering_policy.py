"""The steering policy: from a camera image to a command, or to a named reason why there is none."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.driving.steering_policy import PolicyError, SteeringPolicy
from convoy.graph import ComponentError, Level, ParameterError, State, check_component
from convoy.graph.bench import Bench
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import Header, make, time

STAMP = 1_700_000_000_123_456_789


def picture(left: int, right: int, *, compressed: bool = False, encoding: str = "rgb8") -> Any:
    """An image, grey on either half."""
    pixels = np.full((120, 160, 3), left, np.uint8)
    pixels[:, 80:] = right
    header = make(Header, stamp=time(STAMP), frame_id="camera_optical")
    return compress(pixels, encoding, header, "png") if compressed else encode(pixels, encoding, header)


@pytest.fixture
def policy(steering_model: Path) -> Bench:
    bench = Bench(SteeringPolicy("policy", {"model": str(steering_model), "speed": 1.5}), STAMP)
    bench.component.configure()
    bench.component.activate()
    return bench


@pytest.mark.parametrize("compressed", [False, True])
def test_it_commands_the_models_angle_with_the_images_header(policy: Bench, compressed: bool) -> None:
    policy.deliver("image", picture(200, 100, compressed=compressed))
    (command,) = policy.results("drive")
    # The model's ramp falls from 1.5 to -1.5 rad, so each half has its centroid half-way.
    assert command.drive.steering_angle == pytest.approx(0.75 * (200 - 100) / (200 + 100), rel=0.02)
    assert command.drive.speed == 1.5
    assert (command.header.stamp, command.header.frame_id) == (time(STAMP), "camera_optical")


def test_left_is_positive(policy: Bench) -> None:
    for left, right in ((200, 100), (100, 200)):
        policy.deliver("image", picture(left, right))
    left, right = (command.drive.steering_angle for command in policy.results("drive"))
    assert left > 0 > right


def test_colours_are_brought_to_the_models_order(steering_model: Path) -> None:
    angles = []
    for encoding in ("rgb8", "bgr8", "mono8"):
        bench = Bench(SteeringPolicy("policy", {"model": str(steering_model)}))
        bench.component.configure()
        bench.component.activate()
        image = picture(90, 30)
        if encoding == "mono8":
            image = encode(np.ascontiguousarray(image.data.reshape(120, 160, 3)[:, :, 0]), "mono8", image.header)
        image.encoding = encoding
        bench.deliver("image", image)
        angles += [command.drive.steering_angle for command in bench.results("drive")]
    assert len(angles) == 3
    assert angles == pytest.approx([angles[0]] * 3)


def test_an_angle_that_is_not_finite_is_an_error_and_is_not_published(policy: Bench) -> None:
    policy.deliver("image", picture(0, 0))
    assert policy.results() == []
    assert policy.reported("Errors", Level.ERROR) == ["image: the model gave a steering angle of nan"]
    policy.deliver("image", picture(1, 1))
    (command,) = policy.results("drive")
    assert math.isfinite(command.drive.steering_angle)
    assert policy.reported("Errors", Level.OK) == ["image works again"]


def test_an_image_that_is_no_colour_is_an_error(policy: Bench) -> None:
    policy.deliver("image", encode(np.ones((120, 160), np.float32), "32FC1", make(Header)))
    assert policy.results() == []
    assert "32FC1 is no brightness or colour" in policy.reported("Errors", Level.ERROR)[0]


def test_the_model_it_drives_with_is_on_diagnostics(policy: Bench) -> None:
    assert policy.reported("Model", Level.OK) == ["brighter on cpu"]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "is truncated"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b'"steering"', b'"gestures"')), "gestures"),
    ],
)
def test_a_model_that_cannot_be_used_stops_it_while_it_is_configured(
    steering_model: Path, tmp_path: Path, damage: Any, found: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(steering_model.read_bytes())
    damage(path)
    bench = Bench(SteeringPolicy("policy", {"model": str(path)}))
    with pytest.raises(ComponentError, match=f"policy: configure failed: .*{found}"):
        bench.component.configure()
    assert bench.component.state is State.UNCONFIGURED
    assert found in bench.reported("Errors", Level.ERROR)[0]


def test_the_model_is_given_back_with_cleanup_and_loaded_anew(policy: Bench) -> None:
    policy.component.deactivate()
    policy.component.cleanup()
    assert policy.component.session is None
    policy.component.configure()
    policy.component.activate()
    policy.deliver("image", picture(200, 100))
    assert len(policy.results("drive")) == 1


def test_speed_may_change_while_driving_but_the_model_may_not(policy: Bench, tmp_path: Path) -> None:
    policy.component.set_parameters({"speed": 0.5})
    with pytest.raises(PolicyError, match="configure it anew"):
        policy.component.set_parameters({"model": str(tmp_path / "other.onnx")})
    with pytest.raises(ParameterError, match="'speed' is -1"):
        policy.component.set_parameters({"speed": -1.0})
    policy.deliver("image", picture(200, 100))
    assert policy.results("drive")[0].drive.speed == 0.5


@pytest.mark.parametrize("parameters", [{}, {"device": "gpu"}, {"speed": float("inf")}])
def test_parameters_are_refused_before_anything_is_loaded(steering_model: Path, parameters: dict[str, Any]) -> None:
    model = {"model": str(steering_model)} if parameters else {}
    with pytest.raises(ParameterError, match=r"policy: parameter '(model|device|speed)' is "):
        SteeringPolicy("policy", model | parameters)


def test_it_keeps_to_the_contract(steering_model: Path) -> None:
    check_component(SteeringPolicy, {"model": str(steering_model), "device": "cpu"})
