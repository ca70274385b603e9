"""Data sets by name: a SPEC says which, and what part of it.

``KIND:PLACE[#PART][@COUNT]``. PART is a named one (``#train``), or a fraction in order (``#0-0.8``); COUNT takes so
many samples, evenly spread; of a simulated set it is how many are made.

- ``sim:TOWNS[/OPTION...][@COUNT]``: simulated towns, a split or seeds, made on first use; options are ``640x480``,
  ``fov=70`` (degrees), ``stereo=0.3`` (metres), ``every=1`` (seconds), ``drive=0``, ``weather=fog,rain``.
- ``folder:DIR``: what `convoy dataset record` has made, or pictures and masks as CamVid or Cityscapes have them.
- ``coco:PICTURES,ANNOTATIONS.json``; ``rgbd:DIR``, as 7-Scenes or TUM RGB-D; ``bag:DIR`` or ``bag:DIR,TOPIC``;
  ``images:DIR``, a folder for each class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from convoy.errors import nearest
from convoy.learning.datasets.bag_set import open_bag
from convoy.learning.datasets.coco import open_coco
from convoy.learning.datasets.faults import OnMissing
from convoy.learning.datasets.label_folders import open_labelled
from convoy.learning.datasets.picture_folders import open_pictures
from convoy.learning.datasets.recipe import RECIPE_FILE, Recipe, read_recipe
from convoy.learning.datasets.recorded import is_recorded, open_recorded
from convoy.learning.datasets.recorder import Progress, record
from convoy.learning.datasets.rgbd import open_rgbd
from convoy.learning.datasets.sample import PARTS
from convoy.learning.datasets.sample_list import SampleList, join
from convoy.learning.errors import LearningError

CACHE = Path("runs/datasets")
"""Where simulated sets are kept."""
KINDS = ("sim", "folder", "coco", "rgbd", "bag", "images")
FRAMES = {"train": 4000}
FRAMES_ELSE = 500
"""How many a simulated set has, where its SPEC does not say."""

_SPEC = re.compile(r"(?P<kind>[a-z]+):(?P<place>.+?)(#(?P<part>[\w.-]+))?(@(?P<count>\d+))?")
_OPTIONS: dict[str, tuple[str, Callable[[str], object]]] = {
    "fov": ("fov", float),
    "stereo": ("stereo", float),
    "every": ("every", float),
    "drive": ("drive", int),
    "weather": ("weathers", lambda text: tuple(text.split(","))),
}


def open_dataset(
    *specs: str,
    missing: OnMissing = "error",
    want: Collection[str] = PARTS,
    progress: Progress | None = None,
) -> SampleList:
    """Open a data set, or several as one.

    Args:
        specs: see above.
        missing: what to do with a sample that can't be read. "error" raises when it is found, at the latest when it is
            read; "skip" reads all of them now, leaves those out, and says so in `Dataset.report`.
        want: parts of the samples to read, see `PARTS`; the others are None. Fewer are read sooner.
        progress: is told how far a simulated set is that has to be made.

    Raises:
        LearningError: a SPEC is not understood, a set is not there or not what it should be, or they can't be joined.
        SimulationError, BagError: it can't be simulated, or is no bag.
    """
    if unknown := sorted(set(want) - PARTS):
        raise LearningError(f"A sample has {', '.join(sorted(PARTS))}; found {', '.join(unknown)}.")
    return join([_open(spec, frozenset(want), missing, progress) for spec in specs])


def simulated(place: str, count: int | None = None) -> Recipe:
    """What a simulated set of this place, ``TOWNS[/OPTION...]``, is made of.

    Raises:
        LearningError: an option is not understood or out of its range.
        SimulationError: there are no such towns.
    """
    towns, *options = place.split("/")
    values: dict[str, object] = {"towns": towns, "frames": count or FRAMES.get(towns, FRAMES_ELSE)}
    for option in options:
        name, _, text = option.partition("=")
        try:
            if size := re.fullmatch(r"(\d+)x(\d+)", option):
                values |= {"width": int(size[1]), "height": int(size[2])}
            else:
                field, read = _OPTIONS[name]
                values[field] = read(text)
        except (KeyError, ValueError):
            known = ", ".join(["640x480", *(f"{known}=..." for known in nearest(name, _OPTIONS))])
            raise LearningError(f"sim:{place}: {option!r} is not understood; wanted {known}.") from None
    return Recipe(**values)  # type: ignore[arg-type]


def check_one_map(specs: Sequence[str]) -> None:
    """See to it that all simulated towns in these sets are one and the same: each is a map of its own.

    Nothing is made for it.

    Raises:
        LearningError: there are several, or a SPEC is not understood.
    """
    towns: dict[int, str] = {}
    for spec in specs:
        kind, place, _, count = _split(spec)
        if kind == "sim":
            towns |= {scene.town: spec for scene in simulated(place, count or None).scenes()}
        elif kind == "folder" and is_recorded(Path(place)):
            found = read_recipe(Path(place) / RECIPE_FILE)
            towns |= {scene.town: spec for scene in Recipe(found["towns"], found["frames"]).scenes()}
    if len(towns) > 1:
        raise LearningError(
            f"{', '.join(dict.fromkeys(towns.values()))}: {len(towns)} towns, each a map of its own; wanted "
            "one. Name its seed, such as sim:117@8000; sim:117/drive=1000@500 are other drives in it."
        )


def cache_folder(recipe: Recipe) -> Path:
    """Where a simulated set is kept."""
    parts = [f"sim_{recipe.towns.replace(',', '+')}", str(recipe.frames), f"{recipe.width}x{recipe.height}"]
    defaults = Recipe("0", 1)
    for option, (field, _) in _OPTIONS.items():
        value = getattr(recipe, field)
        if value != getattr(defaults, field):
            parts.append(option + ("+".join(value) if isinstance(value, tuple) else f"{value:g}"))
    return CACHE / "_".join(parts)


def _split(spec: str) -> tuple[str, str, str, int]:
    """Its kind, place, part and count; '' and 0 where these are not said."""
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise LearningError(f"Data {spec!r} is not understood; wanted KIND:PLACE, such as sim:train or folder:DIR.")
    return found["kind"], found["place"], found["part"] or "", int(found["count"] or 0)


def _open(spec: str, want: frozenset[str], missing: OnMissing, progress: Progress | None) -> SampleList:
    kind, place, part, count = _split(spec)
    if kind == "sim":
        recipe = simulated(place, count or None)
        record(recipe, cache_folder(recipe), progress=progress)
        opened, count = open_recorded(cache_folder(recipe), spec, want), 0
    else:
        opened = _open_files(spec, kind, place, want, missing)
    opened = opened.part(part) if part else opened
    opened = opened.spread(count) if count else opened
    return opened.readable() if missing == "skip" else opened


def _open_files(spec: str, kind: str, place: str, want: frozenset[str], missing: OnMissing) -> SampleList:
    where, _, rest = place.partition(",")
    if kind == "folder":
        folder = Path(place)
        return open_recorded(folder, spec, want) if is_recorded(folder) else open_labelled(folder, spec, want, missing)
    if kind == "coco":
        if not rest:
            raise LearningError(f"Data {spec!r} lacks the annotations; wanted coco:PICTURES,ANNOTATIONS.json.")
        return open_coco(Path(where), Path(rest), spec, want, missing)
    if kind == "rgbd":
        return open_rgbd(Path(place), spec, want, missing)
    if kind == "bag":
        return open_bag(Path(where), rest, spec, want)
    if kind == "images":
        return open_pictures(Path(place), spec)
    raise LearningError(f"Data {spec!r}: there is no kind {kind!r}; nearest first: {', '.join(nearest(kind, KINDS))}.")
