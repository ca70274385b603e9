"""Reading a drive of Udacity's simulator: ``driving_log.csv`` and the folder ``IMG``."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

from convoy.bags.errors import BagError
from convoy.bags.recording import Recording, Sample, check_jpeg
from convoy.interfaces.messages import NANOSECONDS

MAX_STEERING_ANGLE = math.radians(25)
"""rad at the log's value -1; the simulator steers right at +1."""

_LOG = "driving_log.csv"
_COLUMNS = ("center", "left", "right", "steering", "throttle", "brake", "speed")
_METRES_PER_SECOND = 0.44704
"""One mile per hour."""
_STAMP = re.compile(r"_(\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d)_(\d{3})\.")
_START_NS = NANOSECONDS
"""The first stamp where a rate is given; 0 would mean "no time" to ROS."""


def read_udacity(
    path: Path | str, rate: float | None = None, max_steering_angle: float = MAX_STEERING_ANGLE
) -> Recording:
    """Read a driving log, with or without a line of headings; corrupt rows are skipped with a warning.

    Images are found in ``IMG`` by their names, wherever the log says that they were on the machine
    that recorded them. Stamps are in the images' names, taken as UTC.

    Args:
        path: the folder of ``driving_log.csv``, or that file.
        rate: Hz, to count the stamps from one second on; None takes those in the images' names.
        max_steering_angle: rad at the value -1.

    Raises:
        BagError: there is no log, or none of its rows can be read.
    """
    log = Path(path)
    log = log / _LOG if log.is_dir() else log
    if not log.is_file():
        raise BagError(f"There is no driving log at {path}: it is a folder with {_LOG} and the folder IMG.")
    samples: list[Sample] = []
    skipped: list[str] = []
    with log.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.reader(line.replace("\0", "") for line in file)
        for number, row in enumerate(rows, 1):
            if not row or (number == 1 and [cell.strip() for cell in row] == list(_COLUMNS)):
                continue
            source = f"{log.name}:{number}"
            try:
                sample = _sample(source, row, log.parent, max_steering_angle)
                stamp_ns = _START_NS + round((number - 1) * NANOSECONDS / rate) if rate else _stamp_ns(sample.image)
                samples.append(replace(sample, stamp_ns=stamp_ns))
            except ValueError as error:
                skipped.append(f"{source} ({error})")
    return Recording(log, samples, skipped)


def _sample(source: str, row: list[str], folder: Path, max_steering_angle: float) -> Sample:
    if len(row) != len(_COLUMNS):
        raise ValueError(f"{len(row)} columns instead of {len(_COLUMNS)}: {', '.join(_COLUMNS)}")
    cells = dict(zip(_COLUMNS, (cell.strip() for cell in row), strict=True))
    values = {}
    for name in ("steering", "speed"):
        try:
            values[name] = float(cells[name])
        except ValueError:
            raise ValueError(f"{name} is {cells[name]!r}") from None
        if not math.isfinite(values[name]):
            raise ValueError(f"{name} is {cells[name]}")
    # A Windows path splits at slashes of both kinds.
    images = {
        name: folder / "IMG" / PureWindowsPath(cells[name]).name for name in ("center", "left", "right") if cells[name]
    }
    if "center" not in images:
        raise ValueError("no image of the center camera")
    for image in images.values():
        check_jpeg(image)
    return Sample(
        source,
        0,
        images["center"],
        -max_steering_angle * values["steering"],
        _METRES_PER_SECOND * values["speed"],
        images.get("left"),
        images.get("right"),
    )


def _stamp_ns(image: Path) -> int:
    match = _STAMP.search(image.name)
    if not match:
        raise ValueError(f"{image.name} tells no time; give a rate (--rate)")
    moment = datetime.strptime(match[1], "%Y_%m_%d_%H_%M_%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * NANOSECONDS + int(match[2]) * 1_000_000
