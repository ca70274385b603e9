"""``bag:DIR``: a rosbag2 with skeletons of hands or arms, and the gestures that they made.

Its messages are `convoy_msgs/HandSkeleton` or `convoy_msgs/BodySkeleton`, and `convoy_msgs/Gesture`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convoy.bags import BagReader
from convoy.gestures.anatomy import ARMS, HAND, Anatomy
from convoy.interfaces import cdr
from convoy.interfaces.messages import NANOSECONDS, BodySkeleton, Gesture, HandSkeleton, nanoseconds, type_name
from convoy.interfaces.skeletons import joints
from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons

_ANATOMIES = {type_name(HandSkeleton): HAND, type_name(BodySkeleton): ARMS}


def read_bag(path: Path) -> tuple[list[Skeletons], Anatomy]:
    """Cut the frames of the hand that a gesture names, from its start to its end, out of the skeletons.

    Returns the movements, and whose they are.

    Raises:
        BagError: it is no bag, or damaged.
        LearningError: it has no skeletons or gestures, or several topics of one of them, or a gesture without a hand.
    """
    bag = BagReader(path)
    skeletons, gestures = _topic(bag, path, *_ANATOMIES), _topic(bag, path, type_name(Gesture))
    anatomy = _ANATOMIES[bag.topics[skeletons].type]
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
                f"{path}: {len(inside)} frames of {anatomy.owner} {hand_id} on {skeletons} between "
                f"{start / NANOSECONDS:.3f} and {end / NANOSECONDS:.3f} s, where {gestures} has {label!r}; "
                "wanted two or more."
            )
        times = np.array([(stamp - start) / NANOSECONDS for stamp, _ in inside])
        clips.append(Skeletons(np.stack([points for _, points in inside]), label, number, times))
    return clips, anatomy


def _topic(bag: BagReader, path: Path, *wanted: str) -> str:
    names = [name for name, topic in bag.topics.items() if topic.type in wanted]
    if len(names) != 1:
        raise LearningError(
            f"{path} has {len(names)} topics of {' or '.join(wanted)} ({', '.join(names) or 'none'}); wanted one."
        )
    return names[0]
