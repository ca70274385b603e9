"""Data sets with COCO's annotations: boxes, masks and keypoints of things (Lin et al. 2014; cocodataset.org)."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from convoy.learning.datasets.classes import ClassTable
from convoy.learning.datasets.faults import Faults, OnMissing
from convoy.learning.datasets.pictures import read_rgb
from convoy.learning.datasets.sample import Array, Sample
from convoy.learning.datasets.sample_list import Reader, SampleList
from convoy.learning.errors import LearningError
from convoy.learning.recordings import licence_of

Row = dict[str, Any]


@dataclass(frozen=True)
class _Thing:
    """An annotation; `where` names it in faults."""

    where: str
    box: tuple[float, float, float, float]
    label: int
    segmentation: Any
    keypoints: tuple[tuple[float, float, float], ...]


def open_coco(
    pictures: Path, annotations: Path, name: str, want: frozenset[str], missing: OnMissing = "error"
) -> SampleList:
    """Open the pictures of a folder that a COCO file annotates; classes are its categories, by ascending id.

    Boxes are clipped to their picture, and left out where nothing remains, or where they stand for a crowd; the report
    counts both. All categories that have keypoints must have the same ones.

    Raises:
        LearningError: the file can't be read or is not COCO's, or a sample is wrong and was not to be skipped.
    """
    found = _load(annotations)
    categories = sorted(found["categories"], key=lambda row: row["id"])
    label_of = {row["id"]: number for number, row in enumerate(categories)}
    points = _points(annotations, categories)
    faults = Faults(missing)
    rows: dict[Any, list[tuple[int, Row]]] = defaultdict(list)
    for number, row in enumerate(found["annotations"]):
        rows[row.get("image_id")].append((number, row))
    readers: list[Reader] = []
    for number, image in enumerate(found["images"]):
        try:
            path, size = pictures / image["file_name"], (int(image["width"]), int(image["height"]))
        except (KeyError, TypeError, ValueError):
            raise LearningError(f"{annotations}, image {number}: wanted file_name, width and height.") from None
        there = rows.pop(image["id"], [])
        try:
            if not path.is_file():
                raise LearningError(f"{path}, which {annotations} names as image {number}, is missing.")
            things = tuple(_things(annotations, there, size, label_of, len(points), faults))
        except LearningError as fault:
            faults.skip(str(fault))
            continue
        readers.append(partial(_read, path, size, things, len(points), want))
    for image_id, [(number, _), *others] in rows.items():
        faults.refuse(f"{annotations}, annotation {number}: there is no image of id {image_id!r}")
        faults.counts["annotations of no picture left out"] += 1 + len(others)
    if not readers:
        raise LearningError(f"{annotations}: not one of {len(found['images'])} images can be read.")
    table = replace(ClassTable.of_names([str(row["name"]) for row in categories], boxed=True), points=points)
    return SampleList(name, _licence(found, annotations), table, tuple(readers), faults.report(len(readers)))


def _load(path: Path) -> dict[str, list[Row]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LearningError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise LearningError(f"{path} is no text.") from None
    if not text.strip():
        raise LearningError(f"{path} is empty; wanted COCO's images, annotations and categories.")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise LearningError(f"{path} is no JSON: {error}.") from None
    for part in ("images", "annotations", "categories"):
        rows = found.get(part) if isinstance(found, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise LearningError(f"{path} has no list of {part}, as COCO has.")
        if part != "annotations" and not rows:
            raise LearningError(f"{path}: its list of {part} is empty.")
        for number, row in enumerate(rows):
            if part != "annotations" and ("id" not in row or (part == "categories" and "name" not in row)):
                raise LearningError(f"{path}, {part}, row {number}: wanted an id{' and a name' * (part != 'images')}.")
    return found


def _points(path: Path, categories: list[Row]) -> tuple[str, ...]:
    """Names of the keypoints that things have."""
    found = {tuple(map(str, row["keypoints"])) for row in categories if isinstance(row.get("keypoints"), list)}
    if len(found) > 1:
        raise LearningError(f"{path}: its categories have different keypoints; a net learns one kind of them.")
    return found.pop() if found else ()


def _things(
    path: Path,
    rows: list[tuple[int, Row]],
    size: tuple[int, int],
    label_of: dict[Any, int],
    points: int,
    faults: Faults,
) -> list[_Thing]:
    """The things of one picture; what is put right is counted."""
    things = []
    for number, row in rows:
        where = f"{path}, annotation {number}"
        box = row.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(_finite(value) for value in box):
            raise LearningError(f"{where}: bbox is {box!r}, wanted four finite numbers x, y, width, height.")
        if row.get("category_id") not in label_of:
            raise LearningError(f"{where}: there is no category of id {row.get('category_id')!r}.")
        if row.get("iscrowd"):
            faults.counts["boxes of crowds left out"] += 1
            continue
        x0, y0, x1, y1 = box[0], box[1], box[0] + box[2], box[1] + box[3]
        clipped = (max(x0, 0.0), max(y0, 0.0), min(x1, float(size[0])), min(y1, float(size[1])))
        if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
            faults.counts["boxes outside their picture or of no size left out"] += 1
            continue
        # Less than a thousandth of a pixel is rounding.
        if max(abs(a - b) for a, b in zip(clipped, (x0, y0, x1, y1), strict=True)) > 1e-3:
            faults.counts["boxes clipped to their picture"] += 1
        label, keypoints = label_of[row["category_id"]], _keypoints(where, row.get("keypoints"), points)
        things.append(_Thing(where, clipped, label, row.get("segmentation"), keypoints))
    return things


def _keypoints(where: str, found: Any, points: int) -> tuple[tuple[float, float, float], ...]:
    """x y known of each; a thing without any has none that is known."""
    found = (points and found) or [0] * 3 * points
    if not isinstance(found, list) or len(found) != 3 * points or not all(_finite(value) for value in found):
        raise LearningError(f"{where}: keypoints are {found!r}, wanted x y v for each of {points}, all finite.")
    return tuple((x, y, float(v > 0)) for x, y, v in zip(found[::3], found[1::3], found[2::3], strict=True))


def _read(path: Path, size: tuple[int, int], things: tuple[_Thing, ...], points: int, want: frozenset[str]) -> Sample:
    image = read_rgb(path)
    if image.shape[1::-1] != size:
        wide, high = image.shape[1], image.shape[0]
        raise LearningError(f"{path} is {wide}x{high}, its annotations are for {size[0]}x{size[1]}.")
    parts: dict[str, Any] = {}
    if "boxes" in want:
        parts["boxes"] = np.array([thing.box for thing in things], np.float32).reshape(-1, 4)
        parts["labels"] = np.array([thing.label for thing in things], np.int64)
    if "boxes" in want and "keypoints" in want and points:
        known = np.array([thing.keypoints for thing in things], np.float32).reshape(-1, points, 3)
        # Counted as boxes are, from the pixel's corner; COCO counts from its middle.
        parts["keypoints"] = known + np.array([0.5, 0.5, 0], np.float32)
    if "instances" in want and (not things or any(thing.segmentation for thing in things)):
        parts["instances"] = _instances(size, things)
        parts |= {"instance_ids": np.arange(1, len(things) + 1)} if "boxes" in want else {}
    return Sample(path.stem, image, **parts)


def _instances(size: tuple[int, int], things: tuple[_Thing, ...]) -> Array:
    from faster_coco_eval.core import mask as coco_mask

    width, height = size
    instances = np.zeros((height, width), np.uint16)
    for number, thing in enumerate(things, 1):
        if not thing.segmentation:
            continue
        try:
            lengths = coco_mask.segmToRle(thing.segmentation, width, height)
            shown = coco_mask.decode(lengths)
        except (ValueError, RuntimeError, TypeError, KeyError, IndexError) as error:
            raise LearningError(f"{thing.where}: its segmentation is damaged: {error}") from None
        if shown.shape != instances.shape:
            raise LearningError(f"{thing.where}: its segmentation is {shown.shape[1]}x{shown.shape[0]}.")
        instances[shown.astype(bool)] = number
    return instances


def _licence(found: dict[str, Any], path: Path) -> str:
    licences = found.get("licenses")
    names = [row.get("name") for row in licences if isinstance(row, dict)] if isinstance(licences, list) else []
    return "; ".join(str(name) for name in names if name) or licence_of(path)


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
