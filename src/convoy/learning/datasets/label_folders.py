"""Folders of pictures and masks of classes, as CamVid or Cityscapes have them, or with a table of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from convoy.learning.datasets.classes import CAMVID, CITYSCAPES, CITYSCAPES_LABELS, CLASSES_FILE, ClassTable
from convoy.learning.datasets.faults import Faults, OnMissing
from convoy.learning.datasets.pictures import numbered, read_mask, read_rgb, same_size
from convoy.learning.datasets.sample import VOID, Array, Sample
from convoy.learning.datasets.sample_list import Reader, SampleList
from convoy.learning.errors import LearningError
from convoy.learning.recordings import licence_of

PICTURES = frozenset({".jpg", ".jpeg", ".png"})
_CAMVID_VOID = 11
_PARTS = ("train", "val", "test")
_CITY_PICTURE, _CITY_MASKS = "_leftImg8bit.png", ("_gtFine_labelTrainIds.png", "_gtFine_labelIds.png")


@dataclass(frozen=True, eq=False)
class _Masks:
    """How to read masks: see `read_mask`."""

    numbers: Array
    table: ClassTable


Pairs = Iterator[tuple[str, Path, Path]]
"""Part ("" for none), picture, mask."""


def open_labelled(folder: Path, name: str, want: frozenset[str], missing: OnMissing = "error") -> SampleList:
    """Open a folder of pictures and masks:

    - ``train`` and ``trainannot``, ``val`` and ``valannot`` ...: as CamVid in SegNet's form, with its classes;
    - ``leftImg8bit/train/CITY`` and ``gtFine/train/CITY`` ...: as Cityscapes, with its nineteen classes;
    - ``images`` and ``masks``, or ``images/train`` and ``masks/train`` ...

    A ``classes.json`` in it, see `ClassTable.read`, holds instead of these classes; 255 is void then.

    Raises:
        LearningError: it is none of these, or a sample is wrong and was not to be skipped.
    """
    own = ClassTable.read(folder / CLASSES_FILE) if (folder / CLASSES_FILE).exists() else None
    masks = _Masks(numbered(len(own.names)), own) if own else None
    if annotated := [part for part in _PARTS if (folder / f"{part}annot").is_dir()]:
        pairs = _camvid(folder, annotated)
        masks = masks or _Masks(numbered(len(CAMVID.names), (_CAMVID_VOID, VOID)), CAMVID)
    elif (folder / "leftImg8bit").is_dir():
        pairs = _cityscapes(folder)
        masks = masks or _Masks(numbered(len(CITYSCAPES.names)), CITYSCAPES)
    elif (folder / "images").is_dir() and (folder / "masks").is_dir():
        pairs = _plain(folder)
    else:
        raise LearningError(
            f"{folder} has no pictures with masks; wanted train and trainannot, leftImg8bit and gtFine, "
            "or images and masks with classes.json."
        )
    if masks is None:
        raise LearningError(f"{folder} has no {CLASSES_FILE} that says what the numbers in its masks mean.")
    return _gather(folder, name, pairs, masks, want, missing)


def _gather(
    folder: Path, name: str, pairs: Pairs, masks: _Masks, want: frozenset[str], missing: OnMissing
) -> SampleList:
    faults = Faults(missing)
    readers: list[Reader] = []
    parts: dict[str, list[int]] = {}
    for part, picture, mask in pairs:
        if absent := [path for path in (picture, mask) if not path.is_file()]:
            faults.skip(f"{absent[0]} is missing, though there is its {'picture' if absent[0] == mask else 'mask'}")
            continue
        if part:
            parts.setdefault(part, []).append(len(readers))
        by_label = _LABELS if mask.name.endswith(_CITY_MASKS[1]) and masks.table is CITYSCAPES else masks
        readers.append(partial(_read, picture, mask if "mask" in want else None, by_label))
    if not readers:
        raise LearningError(f"{folder} holds no pictures with masks.")
    return SampleList(name, licence_of(folder), masks.table, tuple(readers), faults.report(len(readers)), parts)


def _read(picture: Path, mask: Path | None, masks: _Masks) -> Sample:
    image = read_rgb(picture)
    if mask is None:
        return Sample(picture.stem, image)
    return Sample(picture.stem, image, mask=same_size(mask, read_mask(mask, masks.numbers, masks.table.colours), image))


def _camvid(folder: Path, parts: Iterable[str]) -> Pairs:
    for part in parts:
        # A mask without a picture is as much a fault as a picture without a mask.
        pictures = {path.stem: path for path in _pictures(folder / part)}
        stems = pictures.keys() | {path.stem for path in _pictures(folder / f"{part}annot")}
        for stem in sorted(stems):
            yield part, pictures.get(stem, folder / part / f"{stem}.jpg"), folder / f"{part}annot" / f"{stem}.png"


def _cityscapes(folder: Path) -> Pairs:
    for part in _PARTS:
        for picture in sorted((folder / "leftImg8bit" / part).glob(f"*/*{_CITY_PICTURE}")):
            place = folder / "gtFine" / part / picture.parent.name
            stem = picture.name.removesuffix(_CITY_PICTURE)
            masks = [place / f"{stem}{ending}" for ending in _CITY_MASKS]
            yield part, picture, next((mask for mask in masks if mask.is_file()), masks[-1])


def _plain(folder: Path) -> Pairs:
    parts = [part for part in _PARTS if (folder / "images" / part).is_dir()] or [""]
    for part in parts:
        for picture in _pictures(folder / "images" / part):
            yield part, picture, folder / "masks" / part / f"{picture.stem}.png"


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _city_labels() -> Array:
    numbers = numbered(0, range(34))
    numbers[list(CITYSCAPES_LABELS)] = range(len(CITYSCAPES_LABELS))
    return numbers


_LABELS = _Masks(_city_labels(), CITYSCAPES)
