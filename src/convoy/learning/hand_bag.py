"""``bag:DIR``: a rosbag2 with hands (`convoy_msgs/HandSkeleton`) and what they made (`convoy_msgs/Gesture`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convoy.bags import BagReader
from convoy.interfaces import cdr
from convoy.interfaces.messages import NANOSECONDS, Gesture, HandSkeleton, nanoseconds, type_name
from convoy.interfaces.skeletons import joints
from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons


def read_bag(path: Path) -> list[Skeletons]:
    """Cut the frames of the hand that a gesture names, from its start to its end, out of the skeletons.

    Raises:
        BagError: it is no bag, or damaged.
        LearningError: it has no skeletons or gestures, or several topics of one of them, or a gesture without a hand.
    """
    bag = BagReader(path)
    skeletons, gestures = _topic(bag, path, type_name(HandSkeleton)), _topic(bag, path, type_name(Gesture))
    frames: dict[int, list[tuple[int, np.ndarray]]] = {}
    events = []
    for record in bag.messages([skeletons, gestures]):
        message = cdr.deserialize(record.data, record.type)
        stamp = nanoseconds(message.header.stamp)
        if record.topic == gestures:
            events.append((stamp - nanoseconds(message.duration), stamp, message.label, message.hand_id))
        else:
            frames.setdefault(message.id, []).append((stamp, joints(message)))
    clips = []
    for number, (start, end, label, hand_id) in enumerate(sorted(events)):
        inside = [frame for frame in frames.get(hand_id, []) if start <= frame[0] <= end]
        inside.sort(key=lambda frame: frame[0])
        if len(inside) < 2:
            raise LearningError(
                f"{path}: {len(inside)} frames of hand {hand_id} on {skeletons} between {start / NANOSECONDS:.3f} "
                f"and {end / NANOSECONDS:.3f} s, where {gestures} has {label!r}; wanted two or more."
            )
        times = np.array([(stamp - start) / NANOSECONDS for stamp, _ in inside])
        clips.append(Skeletons(np.stack([points for _, points in inside]), label, number, times))
    return clips


def _topic(bag: BagReader, path: Path, wanted: str) -> str:
    names = [name for name, topic in bag.topics.items() if topic.type == wanted]
    if len(names) != 1:
        raise LearningError(f"{path} has {len(names)} topics of {wanted} ({', '.join(names) or 'none'}); wanted one.")
    return names[0]
