"""Which classes a data set speaks of, and the file that says so."""

from __future__ import annotations

import colorsys
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convoy.learning.datasets.sample import VOID
from convoy.learning.errors import LearningError

CLASSES_FILE = "classes.json"
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ClassTable:
    """Names and colours (r, g, b) of classes, by index.

    `boxed` are those whose things have boxes, ascending; `points` are the names of the keypoints of each thing.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    boxed: tuple[int, ...] = ()
    points: tuple[str, ...] = ()

    @classmethod
    def of_names(cls, names: Sequence[str], boxed: bool = False) -> ClassTable:
        """A table with colours that are easy to tell apart."""
        # Steps of the golden ratio keep neighbours far apart, however many there are.
        hues = [(0.618034 * number) % 1.0 for number in range(len(names))]
        colours = [tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 0.95)) for hue in hues]
        return cls(tuple(names), tuple(colours), tuple(range(len(names))) if boxed else ())  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> ClassTable:
        """Read a JSON file: a list, by index, of ``{"name": ..., "colour": [r, g, b], "boxed": false}``.

        Raises:
            LearningError: it can't be read, or is no such list.
        """
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise LearningError(f"{path} can't be read: {error.strerror}.") from None
        except ValueError as error:
            raise LearningError(f"{path} is no JSON: {error}.") from None
        if not isinstance(rows, list) or not 0 < len(rows) <= VOID:
            raise LearningError(f"{path}: wanted a list of 1 to {VOID} classes.")
        for number, row in enumerate(rows):
            if not _is_class(row):
                raise LearningError(
                    f'{path}: class {number} is {row!r}; wanted {{"name": TEXT, "colour": [R, G, B], "boxed": BOOL}}.'
                )
        return cls(
            tuple(row["name"] for row in rows),
            tuple(tuple(row["colour"]) for row in rows),
            tuple(number for number, row in enumerate(rows) if row.get("boxed")),
        )

    def dump(self) -> str:
        """The contents of such a file."""
        rows = [
            {"name": name, "colour": list(colour), "boxed": number in self.boxed}
            for number, (name, colour) in enumerate(zip(self.names, self.colours, strict=True))
        ]
        return "[\n" + ",\n".join(" " + json.dumps(row) for row in rows) + "\n]\n"


def simulated() -> ClassTable:
    """The classes of simulated towns."""
    from convoy_sim.classes import CLASSES

    boxed = tuple(int(entry.id) for entry in CLASSES if entry.boxed)
    return ClassTable(tuple(entry.name for entry in CLASSES), tuple(entry.colour for entry in CLASSES), boxed)


CAMVID = ClassTable(
    ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"),
    (
        *((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0)),
        *((192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192)),
    ),
)
"""The eleven classes that CamVid is measured with (Badrinarayanan et al. 2017, "SegNet"); 11 in a mask is void."""

CITYSCAPES = ClassTable(
    (
        *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation"),
        *("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
    ),
    (
        *((128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153)),
        *((250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60)),
        *((255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32)),
    ),
)
"""The nineteen classes that Cityscapes is measured with (Cordts et al. 2016), by their training ids."""

CITYSCAPES_LABELS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""What its ``labelIds`` files call them; their other ids, 0 to 33, are void."""


def _is_class(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        return False
    colour = row.get("colour")
    return isinstance(colour, list) and len(colour) == 3 and all(type(c) is int and 0 <= c <= 255 for c in colour)
