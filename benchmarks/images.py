"""How long an image takes to bytes and back, beside the least it could: ``python benchmarks/images.py [--json FILE]``.

Every row compares two ways to do a thing, in one run, by their medians: encoding to CDR bytes with one memory copy of
the pixels into a fresh buffer and with rosbags' own encoder; decoding with a copy and with rosbags' own decoder, which
ends at the flat data; a JPEG's decoding, damage found, with OpenCV's bare one. The two take turns, and which goes first
alternates: a fresh buffer costs ten times as much when the allocator has to ask the system for it, so both must
find it in the same state.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from convoy.interfaces.cdr import deserialize, serialize
from convoy.interfaces.images import compress, decode, encode
from convoy.interfaces.messages import Header, make, store, type_name

SIZES = ((640, 480), (1920, 1080))
ROUNDS = 400


def compare(ours: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return each way's median in microseconds; freeing what it returns is part of its time."""
    taken: dict[Callable[[], object], list[int]] = {ours: [], other: []}
    gc.disable()
    for turn in range(ROUNDS):
        for way in (ours, other) if turn % 2 else (other, ours):
            start = time.perf_counter_ns()
            way()
            taken[way].append(time.perf_counter_ns() - start)
    gc.enable()
    # The first rounds find cold caches and an allocator that has not seen these sizes.
    first, second = (statistics.median(times[ROUNDS // 10 :]) / 1000 for times in taken.values())
    return first, second


def measure(width: int, height: int) -> Iterator[tuple[str, str, float, float]]:
    """Yield what convoy does, what it is compared with, and the time of each in microseconds."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    pixels = cv2.GaussianBlur(noise, (0, 0), 2)  # blurred, so that the JPEG has the size of a photograph's
    header = make(Header, frame_id="camera_optical_frame")
    message = encode(pixels, "bgr8", header)
    name, data = type_name(message), serialize(message)
    flat = pixels.reshape(-1)
    jpeg = compress(pixels, "bgr8", header)

    def copy() -> None:
        fresh = np.empty(flat.size, np.uint8)
        fresh[:] = flat

    ways: dict[str, Callable[[], object]] = {
        "message to CDR": lambda: serialize(message),
        "pixels to CDR": lambda: serialize(encode(pixels, "bgr8", header)),
        "CDR to pixels": lambda: decode(deserialize(data, name)).pixels,
        "JPEG to rgb8": lambda: decode(jpeg).to("rgb8"),
        "memory copy": copy,
        "rosbags encoder": lambda: store.serialize_cdr(message, name),
        "rosbags decoder": lambda: store.deserialize_cdr(data, name),
        "OpenCV imdecode": lambda: cv2.imdecode(jpeg.data, cv2.IMREAD_COLOR_RGB),
    }
    for ours, other in (
        ("message to CDR", "memory copy"),
        ("pixels to CDR", "memory copy"),
        ("message to CDR", "rosbags encoder"),
        ("CDR to pixels", "memory copy"),
        ("CDR to pixels", "rosbags decoder"),
        ("JPEG to rgb8", "OpenCV imdecode"),
    ):
        yield ours, other, *compare(ways[ours], ways[other])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    target = parser.parse_args().json
    rows = []
    print(f"{'bgr8':>10}  {'convoy':<16}{'us':>9}    {'compared with':<18}{'us':>9}{'ratio':>8}")
    for width, height in SIZES:
        for ours, other, ours_us, other_us in measure(width, height):
            size, ratio = f"{width}x{height}", ours_us / other_us
            rows.append({"size": size, "what": ours, "us": ours_us, "against": other, "against_us": other_us})
            rows[-1]["ratio"] = ratio
            print(f"{size:>10}  {ours:<16}{ours_us:9.1f}    {other:<18}{other_us:9.1f}{ratio:8.2f}")
    if target:
        target.write_text(json.dumps({"machine": platform.processor() or platform.machine(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
