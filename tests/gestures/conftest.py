"""The shipped model, and hands as messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.bags import BagReader, BagWriter
from convoy.interfaces import cdr
from convoy.interfaces.messages import HandSkeleton, Header, make, time, type_name
from convoy.interfaces.skeletons import hand_skeleton
from convoy_sim.hands import Stream

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


@pytest.fixture(scope="session")
def gesture_model(root: Path) -> Path:
    return root / "models" / "gestures_hand.onnx"


@pytest.fixture(scope="session")
def command_map(root: Path) -> Path:
    return root / "config" / "gesture_commands.yaml"


def skeleton(joints: np.ndarray, seconds: float, hand_id: int = 1, confidence: float = 1.0) -> Any:
    """A hand at so many seconds after `START`."""
    header = make(Header, stamp=time(START + round(seconds * SECOND)), frame_id="camera_optical")
    return hand_skeleton(joints, header=header, id=hand_id, confidence=confidence)


def write_hands(path: Path, stream: Stream) -> Path:
    """Write what a simulated person does as a bag of skeletons."""
    with BagWriter(path) as writer:
        writer.add_topic("/hands", type_name(HandSkeleton))
        for seconds, joints in zip(stream.times.tolist(), stream.joints, strict=True):
            stamp = START + round(seconds * SECOND)
            writer.write("/hands", stamp, bytes(cdr.serialize(skeleton(joints, seconds))))
    return path


def read(bag: Path) -> list[tuple[str, bytes]]:
    """Topic and bytes of all messages."""
    with BagReader(bag) as reader:
        return [(record.topic, bytes(record.data)) for record in reader.messages()]


def gestures(published: list[tuple[str, bytes]]) -> list[bytes]:
    """Of these the gestures."""
    return [data for topic, data in published if topic == "/gesture"]


def replayed_gestures(bag: Path, root: Path, out: Path) -> list[bytes]:
    """What ``convoy replay`` makes of a bag of skeletons by ``gestures.launch.yaml``."""
    launch = ["--launch", str(root / "launch" / "gestures.launch.yaml"), "hand_tracker:=false", "supervisor:=false"]
    command = [sys.executable, "-m", "convoy", "replay", str(bag), "--out", str(out), *launch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return gestures(read(out / "replay.mcap"))
