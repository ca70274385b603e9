"""The steering policy: from a camera image to a command, or to a named reason why there is none."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.driving.steering_policy import SteeringPolicy
from convoy.graph import ComponentError, Level, ParameterError, State, check_component
from convoy.graph.bench import Bench
from convoy.inference import ModelError
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import NANOSECONDS, CameraInfo, Header, make, time

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
    with pytest.raises(ModelError, match="configure it anew"):
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


# A model whose card asks for a cylindrical view.


def camera_info(**fields: Any) -> Any:
    """A pinhole of 160x120 that sees 90 degrees."""
    k = np.array([80.0, 0, 79.5, 0, 80.0, 59.5, 0, 0, 1])
    given = {"width": 160, "height": 120, "distortion_model": "plumb_bob", "k": k, "d": np.zeros(5)}
    return make(CameraInfo, **(given | fields))


@pytest.fixture
def cylindrical_policy(cylindrical_model: Path) -> Bench:
    bench = Bench(SteeringPolicy("policy", {"model": str(cylindrical_model)}), STAMP)
    bench.component.configure()
    bench.component.activate()
    return bench


def test_a_cylindrical_model_gets_its_view(cylindrical_policy: Bench) -> None:
    """The ramp falls from 1.5 to -1.5 rad over the view's 60 degrees: a post at 15 degrees to the left is at 0.75."""
    pixels = np.zeros((120, 160, 3), np.uint8)
    column = round(79.5 - 80 * math.tan(math.radians(15)))
    pixels[:, column - 1 : column + 2] = 200
    cylindrical_policy.deliver("camera_info", camera_info())
    cylindrical_policy.deliver("image", encode(pixels, "rgb8", make(Header, stamp=time(STAMP))))
    (command,) = cylindrical_policy.results("drive")
    assert command.drive.steering_angle == pytest.approx(0.75, abs=0.02)


def test_a_cylindrical_model_does_not_drive_without_calibration(cylindrical_policy: Bench) -> None:
    cylindrical_policy.deliver("image", picture(200, 100))
    cylindrical_policy.pass_time(NANOSECONDS)
    assert cylindrical_policy.results() == []
    assert "waiting for the camera_info" in cylindrical_policy.reported("Calibration", Level.WARN)[-1]
    cylindrical_policy.deliver("camera_info", camera_info())
    cylindrical_policy.deliver("image", picture(200, 100))
    assert len(cylindrical_policy.results("drive")) == 1
    cylindrical_policy.pass_time(NANOSECONDS)
    sees = "the camera, plumb_bob of 160x120, sees 100.0 % of the view"
    assert cylindrical_policy.reported("Calibration", Level.OK)[-1] == sees


def test_a_camera_that_loses_its_calibration_stops_a_cylindrical_model(cylindrical_policy: Bench) -> None:
    cylindrical_policy.deliver("camera_info", camera_info())
    cylindrical_policy.deliver("camera_info", camera_info(k=np.zeros(9)))
    cylindrical_policy.deliver("image", picture(200, 100))
    assert cylindrical_policy.results() == []
    assert "not calibrated" in cylindrical_policy.reported("Errors", Level.ERROR)[-1]


def test_a_calibration_from_before_a_deactivation_is_not_driven_by(cylindrical_policy: Bench) -> None:
    cylindrical_policy.deliver("camera_info", camera_info())
    cylindrical_policy.component.deactivate()
    cylindrical_policy.component.activate()
    cylindrical_policy.deliver("image", picture(200, 100))
    assert cylindrical_policy.results() == []


def test_a_model_that_takes_the_cameras_image_minds_no_calibration(policy: Bench) -> None:
    policy.deliver("camera_info", camera_info(k=np.zeros(9)))
    policy.deliver("image", picture(200, 100))
    assert len(policy.results("drive")) == 1
    assert policy.reported("Calibration") == []


def test_with_a_cylindrical_model_it_keeps_to_the_contract(cylindrical_model: Path) -> None:
    examples = {"camera_info": [camera_info()] * 4, "image": [picture(200, 100)] * 2}
    examples["image"] += [picture(200, 100, compressed=True)] * 2
    check_component(SteeringPolicy, {"model": str(cylindrical_model), "device": "cpu"}, examples)
