"""Demonstrations repeat with their numbers, are labelled by the expert whoever drives, and are made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="drives in the simulator (extra 'sim')")

from convoy.learning.demonstrations import FAR_M, LABEL_EVERY, VIEW, Demonstrations, Take, demonstrate, load, record
from convoy.learning.errors import LearningError
from convoy_sim.route import INSTRUCTIONS
from convoy_sim.world import STEP_S

SECONDS = 3.0
TAKE = Take(2, 0, SECONDS)


def same(one: Demonstrations, other: Demonstrations) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Demonstrations.__dataclass_fields__)


@pytest.fixture(scope="module")
def driven(opengl: None) -> Demonstrations:
    return demonstrate(TAKE)


def test_every_other_step_is_labelled(driven: Demonstrations) -> None:
    steps = SECONDS / STEP_S / LABEL_EVERY
    assert 0.7 * steps <= len(driven) <= steps  # few of those in which the car stands are kept
    assert driven.images.shape == (len(driven), VIEW.height, VIEW.width, 3)
    assert driven.images.dtype == np.uint8
    assert driven.images.std() > 20
    assert set(driven.instructions) <= set(range(len(INSTRUCTIONS)))
    assert np.isfinite(driven.angles).all()
    assert np.abs(driven.angles).max() < 0.7
    assert (driven.speeds >= 0).all()
    assert driven.clear.max() <= FAR_M


def test_the_same_numbers_give_the_same_drive(driven: Demonstrations) -> None:
    assert same(demonstrate(TAKE), driven)
    assert not np.array_equal(demonstrate(Take(2, 1, SECONDS)).images[:5], driven.images[:5])


def test_a_policy_drives_by_what_it_sees_and_the_expert_labels(opengl: None) -> None:
    seen: list[tuple[tuple[int, ...], str]] = []

    def to_the_left(view: np.ndarray, instruction: str) -> tuple[float, float]:
        seen.append((view.shape, instruction))
        return 0.3, 4.0

    data = demonstrate(TAKE, to_the_left, beta=0.0)
    assert len(seen) == round(SECONDS / STEP_S)
    assert {shape for shape, _ in seen} == {(VIEW.height, VIEW.width, 3)}
    assert {instruction for _, instruction in seen} <= set(INSTRUCTIONS)
    # The car goes astray to the left, and the expert would bring it back.
    late = slice(len(data) // 3, None)
    assert data.angles[late].mean() < -0.05


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_is_recorded_is_not_made_again_and_what_a_killed_run_left_is_cleared(opengl: None, tmp_path: Path) -> None:
    (tmp_path / "3_0_1.5s.77.part.npz").write_bytes(b"half a drive")
    takes = [Take(2, 0, 1.5), Take(3, 0, 1.5)]
    made = list(record(tmp_path, takes))
    before = files(tmp_path)
    assert before.keys() == {"2_0_1.5s.npz", "3_0_1.5s.npz"}
    again = list(record(tmp_path, takes[::-1]))
    assert files(tmp_path) == before
    assert same(again[0], made[1])
    assert same(again[1], made[0])


@pytest.mark.parametrize("damage", ["cut", "emptied", "of another version"])
def test_a_damaged_drive_is_named_with_what_to_do(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "2_0_1.5s.npz"
    arrays = {name: np.zeros(3, np.float32) for name in Demonstrations.__dataclass_fields__}
    if damage == "of another version":
        arrays.pop("clear")
    np.savez(path, **arrays)
    if damage != "of another version":
        path.write_bytes(path.read_bytes()[: 700 if damage == "cut" else 0])
    with pytest.raises(LearningError, match=r"2_0_1\.5s\.npz is no whole drive: .*\. Delete it"):
        load(path)
    with pytest.raises(LearningError, match="Delete it"):
        list(record(tmp_path, [Take(2, 0, 1.5)]))
