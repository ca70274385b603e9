"""Folders of pictures, one for each class: what the classification of whole pictures learns from."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from convoy.learning.datasets.classes import ClassTable
from convoy.learning.datasets.label_folders import PICTURES
from convoy.learning.datasets.pictures import read_rgb
from convoy.learning.datasets.sample import Sample
from convoy.learning.datasets.sample_list import Reader, SampleList
from convoy.learning.errors import LearningError
from convoy.learning.recordings import licence_of

EVERY = 5
"""Where there are no folders ``train`` and ``val``, every so many-th picture of each class is the part "val"."""


def open_pictures(folder: Path, name: str) -> SampleList:
    """Open ``CLASS/PICTURE.jpg`` ..., or ``train/CLASS/PICTURE.jpg`` ... and ``val/CLASS/PICTURE.jpg`` ...

    Raises:
        LearningError: there are no pictures, fewer than two classes, or a part has other classes.
    """
    if not folder.is_dir():
        raise LearningError(f"There is no folder {folder}.")
    parts = [part for part in ("train", "val", "test") if (folder / part).is_dir()]
    classes = _folders(folder / parts[0] if parts else folder)
    if len(classes) < 2:
        raise LearningError(
            f"{folder} has {len(classes)} folders of pictures; wanted one for each of two classes or more."
        )
    readers: list[Reader] = []
    numbers: dict[str, list[int]] = {part: [] for part in parts or ("train", "val")}
    for part in parts or [""]:
        if strangers := sorted(set(_folders(folder / part)) ^ set(classes)):
            raise LearningError(f"{folder}: {part} and {parts[0]} differ in the class {strangers[0]!r}.")
        for label, kind in enumerate(classes):
            place = folder / part / kind
            found = sorted(path for path in place.iterdir() if path.suffix.lower() in PICTURES)
            if not found:
                raise LearningError(f"{place} holds no JPEG or PNG files.")
            for count, path in enumerate(found, 1):
                numbers[part or ("train" if count % EVERY else "val")].append(len(readers))
                readers.append(partial(_read, path, label))
    table = ClassTable.of_names(classes)
    return SampleList(name, licence_of(folder), table, tuple(readers), parts=numbers)


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _read(path: Path, label: int) -> Sample:
    return Sample(f"{path.parent.name}/{path.stem}", read_rgb(path), category=label)
