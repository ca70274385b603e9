"""The pictures of the tests; as a process it plays them: 40 of 160x120 at 20 Hz."""

import time

import numpy as np

from convoy.graph import DEFAULT
from convoy.hosts.dds import Participant
from convoy.interfaces import cdr, messages
from convoy.interfaces.messages import Header, Image, make

RATE_HZ = 20
START_NS = 1_700_000_000_000_000_000


def pictures() -> list[tuple[int, memoryview]]:
    """Return pairs of time and sensor_msgs/Image as CDR bytes."""
    random = np.random.default_rng(7)
    found = []
    for index in range(40):
        pixels = random.integers(index, 255, (120, 160, 3), np.uint8).reshape(-1)
        stamp = START_NS + index * 1_000_000_000 // RATE_HZ
        header = Header(stamp=messages.time(stamp), frame_id="camera_optical")
        image = make(Image, header=header, height=120, width=160, encoding="bgr8", step=480, data=pixels)
        found.append((stamp, cdr.serialize(image)))
    return found


if __name__ == "__main__":
    images = pictures()
    with Participant() as participant:
        publisher = participant.node("player").publisher("/car/image", "sensor_msgs/msg/Image", DEFAULT)
        while not publisher.matched():
            time.sleep(0.02)
        time.sleep(0.5)  # the other side may learn of the match a little later
        start = time.monotonic()
        for index, (_, data) in enumerate(images):
            time.sleep(max(0.0, start + index / RATE_HZ - time.monotonic()))
            publisher.write(data)
        print("played")
        time.sleep(1)
