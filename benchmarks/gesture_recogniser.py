"""The gesture recogniser as a robot runs it: its share of a core while it watches a hand at 30 Hz.

    python benchmarks/gesture_recogniser.py --seconds 120 --json recogniser.json

A process of its own, over DDS on loopback, sees continuous motion of a simulated person in real time. What it does
beside that, finding peers and reporting its health, counts as well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil

from convoy.graph import DEFAULT
from convoy.hosts.dds import Participant
from convoy.hosts.dds.domain import LOOPBACK
from convoy.interfaces import cdr
from convoy.interfaces.messages import Gesture, HandSkeleton, Header, make, type_name
from convoy.interfaces.messages import time as stamp
from convoy.interfaces.skeletons import hand_skeleton
from convoy_sim.hands import Person

MODEL = Path(__file__).parent.parent / "models" / "gestures_hand.onnx"
SETTLE_S = 2.0


def measure(model: Path, seconds: float, seed: int) -> dict[str, float]:
    """Play a person to a recogniser, and return its figures."""
    stream = Person(seed).stream(seconds)
    told: list[int] = []
    with Participant() as participant:
        node = participant.node("person")
        publisher = node.publisher("/hands", type_name(HandSkeleton), DEFAULT)
        node.subscription("/gesture", type_name(Gesture), DEFAULT, lambda data, stamp_ns: told.append(stamp_ns))
        command = [sys.executable, "-P", "-m", "convoy", "run", "gesture_recogniser"]
        child = subprocess.Popen([*command, "--ros-args", "--log-level", "fatal", "-p", f"model:={model}"])
        try:
            process = psutil.Process(child.pid)
            while not publisher.matched():
                time.sleep(0.1)
            time.sleep(SETTLE_S)
            before, start = process.cpu_times(), time.monotonic()
            for instant, joints in zip(stream.times.tolist(), stream.joints, strict=True):
                time.sleep(max(0.0, start + instant - time.monotonic()))
                header = make(Header, stamp=stamp(time.time_ns()), frame_id="camera_optical_frame")
                message = hand_skeleton(joints, header=header, id=1, confidence=1.0)
                publisher.write(cdr.serialize(message))
            time.sleep(0.5)
            after, took = process.cpu_times(), time.monotonic() - start
            memory = process.memory_info().rss / 2**20
        finally:
            child.terminate()
            child.wait()
    used = after.user + after.system - before.user - before.system
    figures = {"seconds": took, "frames": float(len(stream.times)), "gestures_made": float(len(stream.events))}
    return figures | {"gestures_told": float(len(told)), "core_percent": 100 * used / took, "memory_mb": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--person", type=int, default=5000, help="seed")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ |= {"ROS_DOMAIN_ID": str(random.SystemRandom().randrange(1, 230)), "CYCLONEDDS_URI": LOOPBACK}
    figures = measure(arguments.model, arguments.seconds, arguments.person)
    for name, value in figures.items():
        print(f"{name:16} {value:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"model": str(arguments.model)} | figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
