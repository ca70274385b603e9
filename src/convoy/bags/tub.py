"""Reading a donkeycar tub, version 2: ``manifest.json``, catalogs with a JSON record per line, and ``images``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convoy.bags.errors import BagError
from convoy.bags.recording import Recording, Sample, check_jpeg
from convoy.interfaces.messages import NANOSECONDS

MAX_STEERING_ANGLE = 0.4
"""rad at the tub's value -1; donkeycar steers right at +1."""
MAX_SPEED = 2.0
"""m/s at full throttle."""

_MANIFEST = "manifest.json"
_START_NS = NANOSECONDS
"""The first stamp of a tub that has none; 0 would mean "no time" to ROS."""


def read_tub(
    path: Path | str,
    rate: float | None = None,
    max_steering_angle: float = MAX_STEERING_ANGLE,
    max_speed: float = MAX_SPEED,
) -> Recording:
    """Read a tub. What donkeycar has marked as deleted is left out; corrupt records are skipped with a warning.

    Args:
        path: the tub's folder.
        rate: Hz, to count the stamps from the first record on; None takes the records' own.
        max_steering_angle: rad at the value -1.
        max_speed: m/s at full throttle.

    Raises:
        BagError: there is no tub, or none of its records can be read.
    """
    tub = Path(path)
    catalogs, deleted = _read_manifest(tub)
    samples: list[Sample] = []
    skipped: list[str] = []
    first: tuple[int, int] | None = None
    for source, line in _lines(tub, catalogs, skipped):
        try:
            record = _parse(line)
            if record["_index"] in deleted:
                continue
            angle, throttle = _number(record, "user/angle"), _number(record, "user/throttle")
            image = tub / "images" / Path(str(record.get("cam/image_array"))).name
            check_jpeg(image)
            if rate is None:
                stamp_ns = _stamp_ns(record)
            else:
                first = first or (record["_index"], _stamp_ns(record) if "_timestamp_ms" in record else _START_NS)
                stamp_ns = first[1] + round((record["_index"] - first[0]) * NANOSECONDS / rate)
        except ValueError as error:
            skipped.append(f"{source} ({error})")
        else:
            samples.append(Sample(source, stamp_ns, image, -max_steering_angle * angle, max_speed * throttle))
    return Recording(tub, samples, skipped)


def _read_manifest(tub: Path) -> tuple[list[str], set[int]]:
    """Return the names of the catalogs and the indexes of deleted records."""
    manifest = tub / _MANIFEST
    if not manifest.is_file():
        raise BagError(f"{tub} is no donkeycar tub: {_what_is_there(tub)}")
    try:
        # Five lines: inputs, types, metadata, metadata of the manifest, catalogs.
        last = manifest.read_text(encoding="utf-8").strip().splitlines()[-1]
        catalogs = json.loads(last)
        return [Path(str(name)).name for name in catalogs["paths"]], set(catalogs.get("deleted_indexes", ()))
    except (OSError, IndexError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise BagError(f"The last line of {manifest} names no catalogs: {error!r}.") from None


def _what_is_there(tub: Path) -> str:
    shape = f"a tub is a folder with {_MANIFEST}, catalog_*.catalog and images."
    if not tub.is_dir():
        return f"there is no such folder; {shape}"
    if (tub / "meta.json").is_file():
        return "it is one of version 1; donkeycar's scripts/convert_to_tub_v2.py converts it."
    inside = sorted(found.parent.name for found in tub.glob(f"*/{_MANIFEST}"))
    hint = f" Was {tub / inside[0]} meant?" if inside else ""
    return f"{_MANIFEST} is missing; {shape}{hint}"


def _lines(tub: Path, catalogs: list[str], skipped: list[str]) -> Iterator[tuple[str, str]]:
    """Yield ``FILE:ROW`` and the text of every record."""
    for catalog in catalogs:
        try:
            lines = (tub / catalog).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            skipped.append(f"{catalog} ({error.strerror})")
            continue
        yield from ((f"{catalog}:{row}", line) for row, line in enumerate(lines, 1) if line.strip())


def _parse(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("_index"), int):
        raise ValueError("no record with an _index")
    return record


def _number(record: dict[str, Any], key: str) -> float:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{key} is {'missing' if value is None else repr(value)}")
    return float(value)


def _stamp_ns(record: dict[str, Any]) -> int:
    # By way of whole microseconds: a float does not hold nanoseconds since the epoch.
    return round(_number(record, "_timestamp_ms") * 1000) * 1000
