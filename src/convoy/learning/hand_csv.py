"""``csv:FILE``: labelled movements of hands, a frame in each row, joints as MediaPipe gives them.

The first row names the columns: ``sequence,label,time,x0,y0,z0,...,x20,y20,z20``. Rows of one sequence stand together;
``label`` is the same in all of them, ``time`` is in seconds and ascends, the rest is MediaPipe's 21 hand landmarks in
metres. An empty field is a coordinate that was not seen. A column ``person`` may follow ``label``.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from convoy.gestures.mediapipe_hand import LANDMARKS, hand_joints
from convoy.learning.errors import LearningError
from convoy.learning.series import Skeletons

_COORDINATES = [f"{axis}{number}" for number in range(LANDMARKS) for axis in "xyz"]


def read_csv(path: Path) -> list[Skeletons]:
    """Read all sequences of a file; without a column ``person`` each is by somebody else.

    Raises:
        LearningError: the file is missing or empty, lacks a column, or a row is wrong; names file and line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            columns = _columns(next(rows, []), path)
            sequences: dict[str, list[tuple[float, np.ndarray]]] = {}
            labels: dict[str, tuple[str, str]] = {}
            for row in rows:
                if row:
                    _take(row, columns, sequences, labels, f"{path}, line {rows.line_num}")
    except OSError as error:
        raise LearningError(f"{path} can't be read ({error.strerror}); wanted a CSV file of hands.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LearningError(f"{path} is not a CSV file: {error}.") from None
    if not sequences:
        raise LearningError(f"{path} is empty: it has no row of joints.")
    persons = sorted({person for _, person in labels.values()})
    return [
        Skeletons(
            hand_joints(np.stack([joints for _, joints in frames]).astype(np.float32)),
            labels[name][0],
            persons.index(labels[name][1]),
            np.array([instant for instant, _ in frames]),
        )
        for name, frames in sequences.items()
    ]


def _columns(head: list[str], path: Path) -> dict[str, int]:
    columns = {name.strip().lower(): number for number, name in enumerate(head)}
    missing = [name for name in ("sequence", "label", "time", *_COORDINATES) if name not in columns]
    if missing:
        what = "is empty" if not head else f"lacks the column {missing[0]!r}"
        raise LearningError(f"{path}, line 1 {what}; wanted sequence,label,time,x0,y0,z0,...,x20,y20,z20.")
    return columns


def _take(
    row: list[str],
    columns: dict[str, int],
    sequences: dict[str, list[tuple[float, np.ndarray]]],
    labels: dict[str, tuple[str, str]],
    where: str,
) -> None:
    if len(row) != len(columns):
        raise LearningError(f"{where}: {len(row)} fields, wanted {len(columns)} as in the first line.")
    name, label = row[columns["sequence"]].strip(), row[columns["label"]].strip()
    person = row[columns["person"]].strip() if "person" in columns else name
    try:
        instant = float(row[columns["time"]])
        values = [float(row[columns[c]]) if row[columns[c]].strip() else math.nan for c in _COORDINATES]
    except ValueError as error:
        raise LearningError(f"{where}: {error}.") from None
    if not name or not label or not math.isfinite(instant):
        raise LearningError(f"{where}: wanted a sequence, a label and a time in seconds.")
    if labels.setdefault(name, (label, person)) != (label, person):
        raise LearningError(f"{where}: label {label!r}, but sequence {name!r} began with {labels[name][0]!r}.")
    frames = sequences.setdefault(name, [])
    if frames and instant <= frames[-1][0]:
        raise LearningError(f"{where}: time {instant} is not after {frames[-1][0]}, that of the row before.")
    frames.append((instant, np.array(values).reshape(LANDMARKS, 3)))
