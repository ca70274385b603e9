"""Hands as MediaPipe gives them, a frame in each row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convoy.learning.errors import LearningError
from convoy.learning.gesture_data import open_series
from convoy.learning.hand_csv import read_csv

COLUMNS = ",".join(f"{axis}{number}" for number in range(21) for axis in "xyz")
HEAD = f"sequence,label,time,{COLUMNS}\n"
ROW = ",".join(str(number) for number in range(63))


def write(folder: Path, text: str) -> Path:
    path = folder / "hands.csv"
    path.write_text(text)
    return path


def test_reads_sequences_with_their_labels_and_times(tmp_path: Path) -> None:
    text = HEAD + f"a,wave,0.0,{ROW}\na,wave,0.1,{ROW}\nb,point,5.0,{ROW}\nb,point,5.3,,,,{ROW[6:]}\n"
    wave, point = read_csv(write(tmp_path, text))
    assert (wave.label, point.label) == ("wave", "point")
    assert wave.joints.shape == (2, 22, 3)
    assert point.times is not None
    assert point.times.tolist() == [5.0, 5.3]
    assert np.isnan(point.joints[1, 0]).all()
    # The palm lies between the wrist and the base of the middle finger; the fingers follow in their order.
    assert wave.joints[0, 0].tolist() == [0, 1, 2]
    assert wave.joints[0, 1].tolist() == [13.5, 14.5, 15.5]
    assert wave.joints[0, 21].tolist() == [60, 61, 62]


def test_is_opened_as_series(tmp_path: Path) -> None:
    text = HEAD + f"a,wave,0.0,{ROW}\na,wave,0.1,{ROW}\nb,point,5.0,{ROW}\nb,point,5.3,{ROW}\n"
    data = open_series(f"csv:{write(tmp_path, text)}")
    assert data.classes == ("point", "wave")
    assert data.values.shape == (2, 32, 66)
    assert data.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1 is empty"),
        (HEAD, "hands.csv is empty: it has no row"),
        ("sequence,label,time\n", "line 1 lacks the column 'x0'"),
        (HEAD + f"a,wave,0.0,{ROW},1\n", "line 2: 67 fields, wanted 66"),
        (HEAD + f"a,wave,0.0,{ROW}\na,wave,0.1,oops{ROW[1:]}\n", "line 3: could not convert"),
        (HEAD + f"a,wave,0.1,{ROW}\na,wave,0.1,{ROW}\n", "line 3: time 0.1 is not after 0.1"),
        (HEAD + f"a,wave,0.0,{ROW}\na,point,0.1,{ROW}\n", "line 3: label 'point', but sequence 'a' began with 'wave'"),
        (HEAD + f"a,,0.0,{ROW}\n", "line 2: wanted a sequence, a label and a time"),
        (HEAD + f"a,wave,nan,{ROW}\n", "line 2: wanted a sequence, a label and a time"),
    ],
)
def test_names_the_line_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(LearningError) as error:
        read_csv(write(tmp_path, text))
    assert complaint in str(error.value)
    assert str(tmp_path) in str(error.value)
