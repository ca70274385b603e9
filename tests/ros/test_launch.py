"""``ros2 launch`` runs the launch file that ``convoy launch`` runs."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.driving.tiny import write_drive_model
from tests.ros.conftest import PATIENCE_S, Ros

LAUNCH = ("launch", "convoy_bringup", "steering.launch.yaml")


def test_it_runs_in_a_namespace_and_stops_cleanly(ros: Ros, model: Path) -> None:
    launch = ros.start("ros2", *LAUNCH, f"model:={model}", "namespace:=car", "speed:=0.5", "device:=cpu")
    for _ in ("steering_policy", "supervisor"):
        launch.wait_for("activate: done")
    assert {"/car/steering_policy", "/car/supervisor"} <= set(ros("node", "list").split())
    assert ros("param", "get", "/car/steering_policy", "speed") == "Double value is: 0.5\n"
    assert ros("param", "get", "/car/supervisor", "max_steering_angle") == "Double value is: 0.45\n"
    policy = ros("node", "info", "/car/steering_policy")
    assert "/camera/image_raw/compressed: sensor_msgs/msg/CompressedImage" in policy
    assert "/car/policy/drive: ackermann_msgs/msg/AckermannDriveStamped" in policy
    assert "/car/drive: ackermann_msgs/msg/AckermannDriveStamped" in ros("node", "info", "/car/supervisor")

    launch.signal(signal.SIGINT)
    assert launch.end() == 0
    assert sum("finished cleanly" in line for line in launch.said) == 2
    assert not [line for line in launch.said if "Traceback" in line or "ERROR" in line]


def test_it_says_what_it_can_be_told(ros: Ros) -> None:
    arguments = ros(*LAUNCH, "--show-args")
    for name in ("namespace", "use_sim_time", "params_file", "autostart", "log_level", "image", "model"):
        assert f"'{name}':" in arguments


def test_the_model_is_found_where_it_is_installed(ros: Ros, root: Path) -> None:
    assert (root / "models" / "rc_steering.onnx").exists()
    launch = ros.start("ros2", *LAUNCH)
    launch.wait_for("model rc_steering")


def test_a_simulated_car_drives(opengl: None, ros: Ros, tmp_path: Path) -> None:
    """Camera, policy and supervisor are managed nodes, each a process of its own; the town runs in real time."""
    model = write_drive_model(tmp_path / "tiny.onnx")
    launch = ros.start(
        "ros2", "launch", "convoy_bringup", "drive.launch.yaml", f"model:={model}", "cars:=3", "people:=3"
    )
    for _ in ("simulator", "drive_policy", "supervisor"):
        launch.wait_for("activate: done")
    assert {"/simulator", "/drive_policy", "/supervisor"} <= set(ros("node", "list").split())
    deadline = time.monotonic() + PATIENCE_S
    while float(ros("topic", "echo", "--once", "/odom", "--field", "twist.twist.linear.x").split()[0]) < 1.0:
        assert time.monotonic() < deadline, "the car stands"

    launch.signal(signal.SIGINT)
    assert launch.end() == 0
    assert not [line for line in launch.said if "Traceback" in line]
