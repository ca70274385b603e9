"""Plays a bag of skeletons, once recogniser and recorder are there: ``player.py BAG [PACE]``, by default 3."""

import sys
import time
from pathlib import Path

from convoy.bags import BagReader
from convoy.gestures.recogniser import FRAMES_WAITING
from convoy.graph import QoS
from convoy.hosts.dds import Participant

PACE = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
SETTLE_S = 1.0
"""From the moment that an endpoint is seen here until all others have seen it as well."""
WANTED = {("subscription", "/hands"), ("publisher", "/gesture"), ("subscription", "/gesture")}

with BagReader(Path(sys.argv[1])) as bag:
    records = list(bag.messages())
with Participant() as participant:
    publisher = participant.node("player").publisher("/hands", records[0].type, QoS(depth=FRAMES_WAITING))
    while not {(end.kind, end.topic) for end in participant.discovery.endpoints()} >= WANTED:
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    start = time.monotonic()
    for record in records:
        due = (record.log_time_ns - records[0].log_time_ns) / 1e9 / PACE
        time.sleep(max(0.0, start + due - time.monotonic()))
        publisher.write(record.data)
    time.sleep(SETTLE_S)
    print("played")
