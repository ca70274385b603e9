"""A bag of skeletons and of the gestures in them is something to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convoy.bags import BagError, BagWriter
from convoy.gestures.anatomy import ARMS
from convoy.interfaces import cdr
from convoy.interfaces.messages import (
    BodySkeleton,
    Duration,
    Gesture,
    HandSkeleton,
    Header,
    String,
    make,
    time,
    type_name,
)
from convoy.interfaces.skeletons import body_skeleton, hand_skeleton
from convoy.learning.errors import LearningError
from convoy.learning.gesture_data import open_series

START = 1_700_000_000_000_000_000
MS = 1_000_000


def write(path: Path, gestures: list[tuple[str, int, int, int]], frames: int = 90, arms: bool = False) -> Path:
    """Hand 1 moves along x and hand 2 stays; gestures are label, start and end in ms, and hand. Arms do the same."""
    kind, joints_of, count = (BodySkeleton, body_skeleton, 8) if arms else (HandSkeleton, hand_skeleton, 22)
    with BagWriter(path) as bag:
        bag.add_topic("/seen", type_name(kind))
        bag.add_topic("/gesture", type_name(Gesture))
        for number in range(frames):
            stamp = START + number * 33 * MS
            for hand in (1, 2):
                joints = np.full((count, 3), 0.001 * number if hand == 1 else 0.5)
                message = joints_of(joints, header=make(Header, stamp=time(stamp)), id=hand)
                bag.write("/seen", stamp, bytes(cdr.serialize(message)))
        for label, start, end, hand in gestures:
            header = make(Header, stamp=time(START + end * MS))
            duration = Duration(sec=(end - start) // 1000, nanosec=(end - start) % 1000 * MS)
            message = make(Gesture, header=header, label=label, duration=duration, hand_id=hand)
            bag.write("/gesture", START + 3_000 * MS + end, bytes(cdr.serialize(message)))
    return path


def test_each_gesture_is_cut_out_of_its_hand(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", [("wave", 330, 990, 1), ("point", 1320, 2640, 2)])
    data = open_series(f"bag:{bag}")
    assert [data.classes[label] for label in data.labels] == ["wave", "point"]
    assert data.values.shape == (2, 32, 66)
    assert data.values[0, [0, -1], 0] == pytest.approx([0.010, 0.030])
    assert (data.values[1] == 0.5).all()


def test_arms_are_read_as_hands_are(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", [("wave", 330, 990, 1), ("point", 1320, 2640, 2)], arms=True)
    data = open_series(f"bag:{bag}")
    assert data.values.shape == (2, 32, 24)
    assert data.values[0, [0, -1], 0] == pytest.approx([0.010, 0.030])
    assert data.anatomy is ARMS


def test_a_gesture_without_a_hand_is_named(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", [("wave", 330, 990, 7)])
    with pytest.raises(LearningError, match=r"0 frames of hand 7 on /seen between .* where /gesture has 'wave'"):
        open_series(f"bag:{bag}")


def test_a_bag_without_gestures_or_hands_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match="holds no labelled movement"):
        open_series(f"bag:{write(tmp_path / 'quiet', [])}")
    with BagWriter(tmp_path / "other") as bag:
        bag.add_topic("/text", type_name(String))
        bag.write("/text", START, bytes(cdr.serialize(make(String))))
    with pytest.raises(
        LearningError, match="has 0 topics of convoy_msgs/msg/HandSkeleton or convoy_msgs/msg/BodySkeleton"
    ):
        open_series(f"bag:{tmp_path / 'other'}")
    with pytest.raises(BagError):
        open_series(f"bag:{tmp_path / 'none'}")


def test_data_of_no_known_kind_is_refused() -> None:
    for spec in ("tub:x", "hands:", "natops.ts"):
        with pytest.raises(LearningError, match="wanted ts:FILE, shrec:DIR, csv:FILE, bag:DIR or hands:SEEDS"):
            open_series(spec)
