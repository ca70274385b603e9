"""What a simulated data set is made of: which towns, how many frames, through which camera."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from convoy.errors import nearest
from convoy.learning.errors import LearningError

RECIPE_FILE = "recipe.json"
SCENE_FRAMES = 40
"""Frames of one town in one weather; to build it takes as long as to draw most of them."""
_WIDEST_DEGREES = 150.0


@dataclass(frozen=True)
class Scene:
    """A town in one weather, and which frames are taken in it."""

    number: int
    town: int
    drive: int
    """The first of its drives."""
    frames: range
    """Their numbers in the data set."""


@dataclass(frozen=True)
class Recipe:
    """All that a simulated data set comes from; equal recipes give equal bytes.

    Attributes:
        towns: a split (train, val, test) or seeds such as 3,10-19, see `convoy_sim.seeds`.
        frames: how many.
        width, height: pixels. fov: degrees, from the left edge to the right one.
        stereo: metres to the right camera; 0.0 for none.
        weathers: from which each scene's is drawn; empty for all.
        every: seconds of driving from one frame to the next.
        drive: number of the first drive in each town; drives of other numbers are other routes and traffic.
        format: of the pictures; JPEG is of quality 95.

    Raises:
        LearningError: a value is out of its range.
        SimulationError: there are no such towns or weathers.
    """

    towns: str
    frames: int
    width: int = 480
    height: int = 360
    fov: float = 70.0
    stereo: float = 0.0
    weathers: tuple[str, ...] = ()
    every: float = 1.0
    drive: int = 0
    format: Literal["jpeg", "png"] = "jpeg"

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("frames", self.frames, 1, 10_000_000),
            ("width", self.width, 16, 4096),
            ("height", self.height, 16, 4096),
            ("fov", self.fov, 10.0, _WIDEST_DEGREES),
            ("stereo", self.stereo, 0.0, 2.0),
            ("every", self.every, 0.05, 60.0),
            ("drive", self.drive, 0, 1_000_000),
        ):
            if not low <= value <= high:
                raise LearningError(f"A data set's {name} is {value:g}, wanted {low:g} to {high:g}.")
        if self.format not in ("jpeg", "png"):
            raise LearningError(f"Pictures are written as jpeg or png, not as {self.format!r}.")
        self.seeds()
        from convoy_sim.look.weather import WEATHERS

        for weather in self.weathers:
            if weather not in WEATHERS:
                raise LearningError(f"There is no weather {weather!r}; nearest first: {_likely(weather, WEATHERS)}.")

    def seeds(self) -> list[int]:
        """Seeds of the towns."""
        from convoy_sim.seeds import town_seeds

        return town_seeds(self.towns)

    def scenes(self) -> list[Scene]:
        """The scenes: spread over the towns, and all towns again where there are fewer towns than scenes."""
        seeds, count = self.seeds(), -(-self.frames // SCENE_FRAMES)
        scenes = []
        for number in range(count):
            again, at = (0, number * len(seeds) // count) if count <= len(seeds) else divmod(number, len(seeds))
            frames = range(number * SCENE_FRAMES, min((number + 1) * SCENE_FRAMES, self.frames))
            scenes.append(Scene(number, seeds[at], self.drive + again * SCENE_FRAMES, frames))
        return scenes

    def dump(self) -> str:
        """The contents of a recipe's file."""
        values = asdict(self) | {"weathers": list(self.weathers), "simulator": simulator_digest()}
        return json.dumps(values, indent=1) + "\n"

    def differences(self, path: Path) -> list[str]:
        """What is otherwise in a recipe's file, in words; "simulator" where another version of it was at work."""
        found, wanted = read_recipe(path), json.loads(self.dump())
        return [
            f"{name} {found.get(name)!r} instead of {wanted[name]!r}"
            for name in wanted
            if found.get(name) != wanted[name]
        ]


def read_recipe(path: Path) -> dict[str, Any]:
    """Read a recipe's file.

    Raises:
        LearningError: it can't be read, or is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LearningError(f"{path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise LearningError(f"{path} is no JSON: {error}.") from None
    if not isinstance(found, dict) or not {field.name for field in fields(Recipe)} <= found.keys():
        raise LearningError(f"{path} is no recipe of a simulated data set.")
    return found


@cache
def simulator_digest() -> str:
    """Changes with the simulator's code."""
    import convoy_sim

    digest = hashlib.sha256()
    for file in sorted(Path(convoy_sim.__path__[0]).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _likely(name: str, found: Sequence[str]) -> str:
    return ", ".join(nearest(name, found))
