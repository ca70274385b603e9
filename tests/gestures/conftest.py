"""The shipped model, and hands as messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.interfaces.messages import Header, make, time
from convoy.interfaces.skeletons import hand_skeleton

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
