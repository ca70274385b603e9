"""The launch file of a real car: what it starts, and that it drives a servo and a motor by a camera."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.conformance import golden
from tests.devices.emulators import EmulatedMicrocontroller
from tests.hosts.dds.conftest import Process, domain  # noqa: F401 (a fixture)

from convoy.launch import build, load

NODES = ["camera", "steering_policy", "drive_mode", "supervisor", "actuator", "console"]
STARTS_WITHIN_S = 120.0


@pytest.mark.parametrize("name", ["car", "console"])
@pytest.mark.parametrize(("policy", "model"), [("steering_policy", "rc_steering"), ("drive_policy", "drive_il")])
def test_either_policy_takes_the_parameters_that_are_shipped(root: Path, name: str, policy: str, model: str) -> None:
    arguments = {"policy": policy, "model": str(root / f"models/{model}.onnx")}
    nodes = dict(build(load(root / f"launch/{name}.launch.yaml", arguments)))
    component = next(component for component in nodes if component.name == policy)
    assert component.parameters.model.stem == model
    assert nodes[component].topic("model") == "/policy/model"


def test_all_of_it_runs_in_a_namespace(root: Path) -> None:
    arguments = {"namespace": "car", "joystick": "true", "rectify": "true", "source": "rtsp://cam/1", "mode": "manual"}
    graph = {
        node.full: (component, node) for component, node in build(load(root / "launch/car.launch.yaml", arguments))
    }
    assert sorted(graph) == sorted(f"/car/{name}" for name in [*NODES, "joystick", "rectifier"])
    camera, _ = graph["/car/camera"]
    assert camera.parameters.source == "rtsp://cam/1"
    assert camera.parameters.calibration == Path(), "none is given"
    for node, topics in {
        "steering_policy": {"image": "camera/image_raw", "drive": "policy/drive"},
        "drive_mode": {"policy/drive": "policy/drive", "command": "mode/drive", "console/drive": "console/drive"},
        "supervisor": {"image": "camera/image_raw", "command": "mode/drive", "drive": "drive", "stop": "stop"},
        "actuator": {"drive": "drive"},
    }.items():
        assert {topic: graph[f"/car/{node}"][1].topic(topic) for topic in topics} == {
            topic: f"/car/{wanted}" for topic, wanted in topics.items()
        }


def test_what_holds_of_one_vehicle_wins_over_what_holds_of_all(root: Path, tmp_path: Path) -> None:
    vehicle = tmp_path / "car.yaml"
    limits = {"max_steering_angle": 0.3, "max_speed": 0.9}
    sections: dict[str, dict[str, object]] = {name: dict(limits) for name in ("supervisor", "joystick", "console")}
    sections["actuator"] = limits | {"device": "vesc", "max_erpm": 12000.0}
    vehicle.write_text(yaml.safe_dump({f"/**/{name}": {"ros__parameters": said} for name, said in sections.items()}))
    arguments = {"vehicle": str(vehicle), "joystick": "true"}
    graph = {component.name: component for component, _ in build(load(root / "launch/car.launch.yaml", arguments))}
    for name in sections:
        parameters = graph[name].parameters
        assert (parameters.max_steering_angle, parameters.max_speed) == (0.3, 0.9), name
    assert graph["actuator"].parameters.device == "vesc"
    assert graph["actuator"].parameters.stale_after == 0.3, "what the vehicle's file does not say holds on"


def test_it_drives_an_emulated_car_by_its_camera(root: Path, tmp_path: Path, domain: int) -> None:  # noqa: F811
    """All nodes, each a process: pictures of a folder, a model that turns to the light, and a board on a terminal."""
    cv2 = pytest.importorskip("cv2")
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 8:24] = 255  # it is brighter on the left
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)
    board = EmulatedMicrocontroller(tmp_path)
    vehicle = tmp_path / "car.yaml"
    said = {"device": "serial", "port": str(board.path), "steering_centre": 1480, "arming": 0.2}
    sections = {"actuator": said, "camera": {"loop": True, "rate": 10.0}}
    vehicle.write_text(yaml.safe_dump({f"/**/{name}": {"ros__parameters": said} for name, said in sections.items()}))
    model = golden.write_model(tmp_path / "brighter.onnx")
    arguments = {"vehicle": vehicle, "source": folder, "model": model, "mode": "autonomous", "port": 0, "device": "cpu"}
    command = [*map(str, ("convoy", "launch", root / "launch/car.launch.yaml")), f"folder:={tmp_path / 'console'}"]
    with board.live():
        launch = Process([sys.executable, "-m", *command, *(f"{name}:={value}" for name, value in arguments.items())])
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not (board.pulses and board.pulses[1] > 1500 and board.pulses[0] > 1480):
                assert time.monotonic() < deadline, "\n".join(launch.said)
                time.sleep(0.05)
            assert board.history[0] == (1480, 1500), "neutral before anything else"
            launch.wait_for("the page is at http")
            launch.signal(signal.SIGINT)
            assert launch.end() == 0
            assert board.neutral
        finally:
            launch.kill()
    said_by = {line.partition("]")[0].strip("[") for line in launch.said}
    assert set(NODES) <= said_by
    assert not [line for line in launch.said if "Traceback" in line]
