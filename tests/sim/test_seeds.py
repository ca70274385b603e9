"""Which towns are whose."""

from __future__ import annotations

import pytest

from convoy_sim.errors import SimulationError
from convoy_sim.seeds import SPLITS, split_of, town_seeds


def test_no_town_is_in_two_splits() -> None:
    seeds = [seed for split in SPLITS.values() for seed in split]
    assert len(seeds) == len(set(seeds))
    assert split_of(town_seeds("val")[0]) == "val"
    assert split_of(10**6) is None


def test_towns_by_split_seed_and_range() -> None:
    assert town_seeds("test") == list(SPLITS["test"])
    assert town_seeds("3,10-12") == [3, 10, 11, 12]


@pytest.mark.parametrize("bad", ["tset", "5-3", "1,,2", "-1", ""])
def test_what_is_no_town_is_refused(bad: str) -> None:
    with pytest.raises(SimulationError, match="test"):
        town_seeds(bad)
