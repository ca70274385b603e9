"""``shrec:DIR``: hand gestures in the layouts of SHREC'17 (De Smedt et al. 2017) and DHG-14/28.

Both keep one recording per folder, ``gesture_G/finger_F/subject_S/essai_E``. In SHREC'17 it holds
``skeletons_world.txt``, and ``train_gestures.txt`` and ``test_gestures.txt`` at the top are the official split, with a
line ``G F S E label14 label28 frames`` for each recording. In DHG it holds ``skeleton_world.txt``, and
``informations_troncage_sequences.txt`` says in lines ``G F S E first last`` between which frames the gesture is.
Each line of a recording is one frame: x, y, z in metres of 22 joints. A frame of zeros is one in which no hand was
seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons
from convoy_sim.hands import FINGER, GESTURES, HAND, NO_GESTURE, Clip

Split = Literal["train", "test", "all"]

_JOINTS = 22
_SPLITS = {"train": "train_gestures.txt", "test": "test_gestures.txt"}
_CUTS = "informations_troncage_sequences.txt"


@dataclass(frozen=True)
class _Recording:
    """One line of a list: which recording, and which of its frames."""

    gesture: int
    way: int
    subject: int
    trial: int
    frames: slice
    where: str

    def folder(self, root: Path) -> Path:
        return root / f"gesture_{self.gesture}/finger_{self.way}/subject_{self.subject}/essai_{self.trial}"


def label(gesture: str, way: int, ways: bool) -> str:
    """Return a gesture's name, and with `ways` whether it is made with one finger or with the whole hand."""
    return f"{gesture} ({'hand' if way == HAND else 'finger'})" if ways else gesture


def read_shrec(root: Path, ways: bool, split: Split = "train") -> list[Skeletons]:
    """Read the recordings of one part of the official split; a folder in DHG's layout has none, and gives all.

    Raises:
        LearningError: a list or recording is missing or empty, or a line of one is wrong; names file and line.
    """
    if not root.is_dir():
        raise LearningError(f"{root} is not a folder; wanted one in the layout of SHREC'17 or DHG-14/28.")
    if (root / _CUTS).exists():
        recordings = list(_cuts(root / _CUTS))
    else:
        recordings = [line for part, name in _SPLITS.items() if split in (part, "all") for line in _split(root / name)]
    return [
        Skeletons(
            _read(recording, root), label(GESTURES[recording.gesture - 1], recording.way, ways), recording.subject
        )
        for recording in recordings
    ]


def _split(path: Path) -> Iterator[_Recording]:
    for where, (gesture, way, subject, trial, label14, label28, frames) in _numbers(path, 7):
        if (label14, label28) != (gesture, 2 * (gesture - 1) + way):
            raise LearningError(
                f"{where}: labels {label14} and {label28} for gesture {gesture} with finger {way}, "
                f"wanted {gesture} and {2 * (gesture - 1) + way}."
            )
        yield _Recording(gesture, way, subject, trial, slice(0, frames), where)


def _cuts(path: Path) -> Iterator[_Recording]:
    for where, (gesture, way, subject, trial, first, last) in _numbers(path, 6):
        if last <= first:
            raise LearningError(f"{where}: the gesture ends at frame {last}, before it starts at {first}.")
        yield _Recording(gesture, way, subject, trial, slice(first, last + 1), where)


def _numbers(path: Path, count: int) -> Iterator[tuple[str, list[int]]]:
    lines = _lines(path)
    for number, line in enumerate(lines, 1):
        where, words = f"{path}, line {number}", line.split()
        if not words:
            continue
        if len(words) != count or not all(word.isdecimal() for word in words):
            raise LearningError(f"{where}: {line.strip()[:60]!r}; wanted {count} numbers.")
        values = [int(word) for word in words]
        if not (1 <= values[0] <= len(GESTURES) and values[1] in (FINGER, HAND)):
            raise LearningError(f"{where}: gesture {values[0]}, finger {values[1]}; wanted 1 to 14 and 1 or 2.")
        yield where, values


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise LearningError(
            f"{path} can't be read ({error.strerror}); wanted SHREC'17's {' and '.join(_SPLITS.values())}, "
            f"or DHG's {_CUTS}."
        ) from None
    if not any(line.strip() for line in lines):
        raise LearningError(f"{path} is empty.")
    return lines


def _read(recording: _Recording, root: Path) -> np.ndarray:
    folder = recording.folder(root)
    path = next(
        (folder / name for name in ("skeletons_world.txt", "skeleton_world.txt") if (folder / name).exists()), None
    )
    if path is None:
        raise LearningError(f"{recording.where}: its recording {folder}/skeletons_world.txt is missing.")
    frames = []
    for number, line in enumerate(_lines(path), 1):
        words = line.split()
        if len(words) != 3 * _JOINTS:
            if not words:
                continue
            raise LearningError(
                f"{path}, line {number}: {len(words)} numbers, wanted {3 * _JOINTS} (x, y, z of 22 joints)."
            )
        try:
            frames.append([float(word) for word in words])
        except ValueError as error:
            raise LearningError(f"{path}, line {number}: {error}.") from None
    joints = np.array(frames, np.float32).reshape(-1, _JOINTS, 3)[recording.frames]
    if not len(joints):
        raise LearningError(
            f"{path} has {len(frames)} frames, but {recording.where} wants those from {recording.frames.start}."
        )
    joints[~np.isfinite(joints).all(axis=2)] = np.nan
    joints[(joints == 0).all(axis=(1, 2))] = np.nan
    if np.isnan(joints).all():
        raise LearningError(f"{path}: no hand is seen in any of its frames.")
    return joints


def write_shrec(root: Path, clips: Iterable[tuple[int, Clip]], test: Iterable[int]) -> int:
    """Write gestures of persons in SHREC'17's layout; those of the persons in `test` become the test part.

    Joints that were not seen become zeros, frame by frame, as the layout knows no other sign. Clips that are no
    gesture are left out. Returns the number of recordings.
    """
    lists: dict[str, list[str]] = {"train": [], "test": []}
    taken: dict[tuple[int, int, int], int] = {}
    for subject, clip in clips:
        if clip.gesture == NO_GESTURE:
            continue
        gesture = GESTURES.index(clip.gesture) + 1
        key = (gesture, clip.way, subject)
        taken[key] = trial = taken.get(key, 0) + 1
        recording = _Recording(gesture, clip.way, subject, trial, slice(None), "")
        folder = recording.folder(root)
        folder.mkdir(parents=True, exist_ok=True)
        seen = ~np.isnan(clip.joints).any(axis=(1, 2))
        rows = np.where(seen[:, None], clip.joints.reshape(len(clip.joints), -1), 0.0)
        np.savetxt(folder / "skeletons_world.txt", rows, fmt="%.6f")
        labels = f"{gesture} {2 * (gesture - 1) + clip.way}"
        line = f"{gesture} {clip.way} {subject} {trial} {labels} {len(rows)}"
        lists["test" if subject in set(test) else "train"].append(line)
    for part, name in _SPLITS.items():
        (root / name).write_text("".join(f"{line}\n" for line in lists[part]))
    return sum(map(len, lists.values()))
