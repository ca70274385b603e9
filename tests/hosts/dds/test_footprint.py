"""What the robot's part costs: the shipped policy, running and steering."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from convoy.bags import QosProfile
from convoy.hosts.dds import Participant
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Header, make
from convoy.interfaces.messages import time as stamp

LARGEST_BYTES = 250_000_000
SHOWN = 40


def test_the_steering_process_is_small_and_free_of_torch(
    start: Any, participant: Participant, root: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    node = participant.node("camera")
    camera = node.publisher("/image", "sensor_msgs/msg/Image", QosProfile(depth=5))
    answers: list[bytes] = []
    node.subscription(
        "/drive", "ackermann_msgs/msg/AckermannDriveStamped", QosProfile(), lambda data, _: answers.append(bytes(data))
    )
    model = root / "models" / "rc_steering.onnx"
    policy = start("-m", "convoy", "run", "steering_policy", "--ros-args", "-p", f"model:={model}")
    policy.wait_for("runs in domain")
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)

    def show() -> bool:
        camera.write(cdr.serialize(encode(pixels, "bgr8", make(Header, stamp=stamp(time.time_ns())))))
        return len(answers) >= SHOWN

    eventually(show)
    process = psutil.Process(policy.pid)
    assert process.memory_info().rss < LARGEST_BYTES
    assert not [library.path for library in process.memory_maps() if "torch" in library.path]
