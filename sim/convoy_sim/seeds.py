"""Which towns are for training, validation and test. No other place says so, and none share a town.

A town is wholly made from its seed. Seeds outside these ranges make towns too; they belong to no split.
"""

from __future__ import annotations

from convoy.errors import nearest
from convoy_sim.errors import SimulationError

SPLITS: dict[str, range] = {"train": range(1000), "val": range(1000, 1100), "test": range(1100, 1200)}


def town_seeds(towns: str) -> list[int]:
    """Seeds of the towns named by `towns`: a split ("test"), a seed ("7"), or seeds and ranges ("3,10-19").

    Raises:
        SimulationError: neither a split nor seeds.
    """
    if towns in SPLITS:
        return list(SPLITS[towns])
    seeds: list[int] = []
    for part in towns.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            known = ", ".join(nearest(towns, SPLITS))
            raise SimulationError(
                f"Towns are {known}, a seed such as 7, or seeds and ranges such as 3,10-19; found {towns!r}."
            )
        seeds.extend(range(int(first), int(last or first) + 1))
    return seeds


def split_of(seed: int) -> str | None:
    """The split that the town of this seed belongs to, if any."""
    return next((name for name, seeds in SPLITS.items() if seed in seeds), None)
