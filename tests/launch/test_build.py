"""The graph of a launch file in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convoy.driving.steering_policy import SteeringPolicy
from convoy.driving.supervisor import Supervisor
from convoy.launch import LaunchError, build, default_launch_file, load

Write = Callable[..., Path]


def test_the_steering_graph_leads_from_the_camera_over_the_policy_to_the_drive_topic() -> None:
    description = load(default_launch_file("steering"), {"namespace": "robot", "image": "/front/image_raw"})
    (policy, policy_name), (supervisor, supervisor_name) = build(description)
    assert isinstance(policy, SteeringPolicy)
    assert isinstance(supervisor, Supervisor)
    assert policy_name.topic("image") == supervisor_name.topic("image") == "/front/image_raw"
    assert policy_name.topic("drive") == supervisor_name.topic("command") == "/robot/policy/drive"
    assert supervisor_name.topic("drive") == "/robot/drive"
    assert supervisor_name.topic("emergency_stop") == "/robot/emergency_stop"


def test_the_steering_graph_finds_its_model_and_parameters_beside_its_folder(root: Path) -> None:
    (policy, _), (supervisor, _) = build(load(root / "launch/steering.launch.yaml", {"speed": "2"}))
    assert policy.parameters.model.resolve() == root / "models/rc_steering.onnx"
    assert (policy.parameters.device, policy.parameters.speed) == ("auto", 2.0)
    written = (root / "config/steering.param.yaml").read_text()
    for name, value in supervisor.parameters.model_dump().items():
        assert f"\n    {name}: {str(value).lower()}  # " in written, "the file shows every limit, with its default"


def test_a_params_file_of_the_user_reaches_the_components(write: Write) -> None:
    path = write("/**/supervisor: {ros__parameters: {max_speed: 1.5}}", "my.param.yaml")
    _, (supervisor, _) = build(load(default_launch_file("steering"), {"params_file": str(path)}))
    assert supervisor.parameters.max_speed == 1.5


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            "{pkg: usb_cam, exec: usb_cam_node_exe}",
            "/usb_cam_node_exe is of the package 'usb_cam', but without ROS only",
        ),
        ("{pkg: convoy_ros, exec: superviser}", "convoy_ros has no 'superviser'; nearest first: supervisor, "),
        (
            "{pkg: convoy_ros, exec: supervisor, param: [{name: max_sped, value: 1.0}]}",
            "there is no parameter 'max_sped'",
        ),
        ("{pkg: convoy_ros, exec: supervisor, param: [{name: max_speed, value: -1.0}]}", "'max_speed' is -1.0, but"),
        ("{pkg: convoy_ros, exec: steering_policy}", "parameter 'model' is missing"),
    ],
)
def test_a_node_that_cannot_run_here_is_refused_with_its_line(write: Write, node: str, message: str) -> None:
    path = write(f"launch:\n  - node: {node}\n")
    with pytest.raises(LaunchError) as error:
        build(load(path))
    assert str(error.value).startswith(f"{path}:2: ")
    assert message in str(error.value)


def test_a_file_that_starts_nothing_is_refused(write: Write) -> None:
    path = write("launch: [{node: {pkg: convoy_ros, exec: supervisor, if: '0'}}]")
    with pytest.raises(LaunchError, match="starts no node with these arguments"):
        build(load(path))
