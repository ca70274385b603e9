"""What a cylindrical view costs: convoy's projection beside a plain OpenCV remap of the same size, on one core.

Run it as ``python benchmarks/rectification.py --json FILE``. The view is the default one, 200x66 over 120 degrees; of
each way the median and the 99th percentile of many frames are shown, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from convoy.inference import CylindricalProjection, CylindricalView
from convoy.interfaces.camera_model import CameraModel

ROUNDS = 1000
CAMERAS = {
    "fisheye 160 deg": (640, 480, 160.0, "equidistant"),
    "pinhole 100 deg": (640, 480, 100.0, "plumb_bob"),
    "fisheye 160 deg, 1080p": (1920, 1080, 160.0, "equidistant"),
    "pinhole 100 deg, 1080p": (1920, 1080, 100.0, "plumb_bob"),
}


def camera(width: int, height: int, degrees: float, model: str) -> CameraModel:
    half = math.radians(degrees) / 2
    f = width / 2 / (half if model == "equidistant" else math.tan(half))
    d = (0.0,) * (4 if model == "equidistant" else 5)
    return CameraModel(width, height, f, f, (width - 1) / 2, (height - 1) / 2, model, d)


def milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        call()
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return float(np.median(taken)), float(np.percentile(taken, 99))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    target = parser.parse_args().json
    cv2.setNumThreads(1)
    view, rows = CylindricalView(), []
    print(f"{'camera':<24}{'size':>10}{'seen %':>8}{'map once':>10}{'p50 ms':>9}{'p99 ms':>9}{'remap p50':>11}")
    for name, settings in CAMERAS.items():
        model = camera(*settings)
        start = time.perf_counter_ns()
        project = CylindricalProjection(model, view)
        made = (time.perf_counter_ns() - start) / 1e6
        pixels = np.random.default_rng(0).integers(0, 256, (model.height, model.width, 3), np.uint8)
        # The least that could be done: one bilinear sample for each pixel, aliasing and all.
        columns, lines = np.meshgrid(np.linspace(9, model.width - 9, 200), np.linspace(9, model.height - 9, 66))
        plain = cv2.convertMaps(columns.astype(np.float32), lines.astype(np.float32), cv2.CV_16SC2)
        p50, p99 = milliseconds(lambda: project(pixels))  # noqa: B023  (called at once)
        remap, _ = milliseconds(lambda: cv2.remap(pixels, *plain, cv2.INTER_LINEAR))  # noqa: B023
        size, seen = f"{model.width}x{model.height}", 100 * project.covered
        print(f"{name:<24}{size:>10}{seen:8.1f}{made:10.1f}{p50:9.3f}{p99:9.3f}{remap:11.3f}")
        rows.append({"camera": name, "size": size, "seen": project.covered, "map_ms": made, "p50_ms": p50})
        rows[-1] |= {"p99_ms": p99, "remap_p50_ms": remap}
    if target:
        target.write_text(json.dumps({"machine": platform.processor() or platform.machine(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
