"""Plays the images of a bag at their pace, once the golden graph and its recorder are all there: ``player.py BAG``."""

import sys
import time
from collections import Counter
from pathlib import Path

from tests.conformance import golden

from convoy.graph import SENSOR_DATA
from convoy.hosts.dds import Participant

SETTLE_S = 1.0
"""From the moment that an endpoint is seen here until all others have seen it as well."""

images = golden.frames(Path(sys.argv[1]))
topic, type_name = images[0].topic, images[0].type
wanted = {
    ("subscription", topic): 2,
    ("publisher", golden.RESULTS[0]): 1,
    ("subscription", golden.RESULTS[0]): 2,
    ("publisher", golden.RESULTS[1]): 1,
    ("subscription", golden.RESULTS[1]): 1,
}
with Participant() as participant:
    publisher = participant.node("player").publisher(topic, type_name, SENSOR_DATA)
    while not wanted.items() <= Counter((end.kind, end.topic) for end in participant.discovery.endpoints()).items():
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    start = time.monotonic() - images[0].log_time_ns / golden.NANOSECONDS
    for image in images:
        time.sleep(max(0.0, start + image.log_time_ns / golden.NANOSECONDS - time.monotonic()))
        publisher.write(image.data)
    time.sleep(SETTLE_S)
    print("played")
