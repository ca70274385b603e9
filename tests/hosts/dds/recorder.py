"""Prints every message of TOPIC, of TYPE, in hexadecimal: ``recorder.py TOPIC TYPE``."""

import sys
import time

from convoy.graph import DEFAULT
from convoy.hosts.dds import Participant
from convoy.hosts.process import stop_requested

stopping = stop_requested()
with Participant() as participant:
    node = participant.node("recorder")
    subscription = node.subscription(sys.argv[1], sys.argv[2], DEFAULT, lambda data, _: print(data.hex()))
    while not subscription.matched():
        time.sleep(0.02)
    print("ready")
    stopping.wait()
