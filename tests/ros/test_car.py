"""A real car under ROS 2: page, camera and actuator are nodes like the others."""

from __future__ import annotations

import re
import signal
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import yaml
from tests.devices.emulators import EmulatedMicrocontroller
from tests.ros.conftest import PATIENCE_S, Ros

NODES = ["/car/camera", "/car/steering_policy", "/car/drive_mode", "/car/supervisor", "/car/actuator", "/car/console"]

STARTS_WITHIN_S = 180.0


def test_it_drives_a_board_by_pictures_and_serves_its_page(ros: Ros, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 8:24] = 255  # it is brighter on the left
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)
    board = EmulatedMicrocontroller(tmp_path)
    sections = {
        "actuator": {"device": "serial", "port": str(board.path), "arming": 0.2},
        "camera": {"loop": True, "rate": 10.0},  # a busy machine keeps up with that
    }
    vehicle = tmp_path / "car.yaml"
    vehicle.write_text(yaml.safe_dump({f"/**/{name}": {"ros__parameters": said} for name, said in sections.items()}))
    arguments = {"vehicle": vehicle, "source": folder, "model": model, "mode": "autonomous", "device": "cpu"}
    arguments |= {"port": 0, "folder": tmp_path / "console", "namespace": "car"}
    command = [f"{name}:={value}" for name, value in arguments.items()]
    with board.live():
        launch = ros.start("ros2", "launch", "convoy_bringup", "car.launch.yaml", *command)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not (board.pulses and board.pulses[0] > 1500 and board.pulses[1] > 1500):
            if time.monotonic() > deadline:
                launch.wait_for("the wheels turn")  # which fails, with all that was said
            time.sleep(0.05)
        page = re.search(r"http://127.0.0.1:\d+/", launch.wait_for("the page is at http"))
        assert page
        assert set(NODES) <= set(ros("node", "list").split())
        assert b"<title>" in urllib.request.urlopen(page[0], timeout=PATIENCE_S).read()
        console = ros("node", "info", "/car/console")
        for topic in ("console/drive", "operator/heartbeat", "mode/request", "camera/image_raw/compressed"):
            assert f"/car/{topic}: " in console
        assert ros("param", "get", "/car/actuator", "max_speed") == "Double value is: 1.5\n"
        ros("topic", "pub", "--once", "/car/mode/request", "std_msgs/msg/String", "data: stopped")
        deadline = time.monotonic() + PATIENCE_S
        while not board.neutral:
            assert time.monotonic() < deadline, "it does not stop"
            time.sleep(0.02)
        launch.signal(signal.SIGINT)
        assert launch.end() == 0
    assert not [line for line in launch.said if "Traceback" in line]
