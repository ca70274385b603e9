"""Series of the UEA archive are read, and what is wrong with a file is named with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convoy.learning.errors import LearningError
from convoy.learning.ts_file import read_ts

HEAD = """#A comment, with an umlaut in Latin-1: \xe4
@problemName Waves
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 3
@classLabel true up down
@data
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "waves.ts"
    path.write_bytes(text.encode("latin-1"))
    return path


def test_reads_series_and_their_classes(tmp_path: Path) -> None:
    data = read_ts(write(tmp_path, HEAD + "1,2,3:4,5,6:down\n\n0,0,1e-1:-1,?,-3:up\n"))
    assert data.values.shape == (2, 3, 2)
    assert data.values[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert data.values[1, :, 1].tolist() == [-1, -2, -3]
    assert [data.classes[label] for label in data.labels] == ["down", "up"]
    assert data.quantity.startswith("Waves")


def test_reads_natops(shared: Path) -> None:
    data = read_ts(shared / "natops" / "NATOPS_TRAIN.ts")
    assert data.values.shape == (180, 51, 24)
    assert np.bincount(data.labels).tolist() == [30] * 6
    assert data.values[0, 0, 0] == pytest.approx(-0.372758)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEAD + "1,2,3:4,5:up\n", "line 11: channel 2 has 2 values, channel 1 has 3"),
        (HEAD + "1,2,3:4,5,6:up\n1,2:4,5:up\n", "line 12: 2 channels of 2 values, wanted 2 of 3"),
        (HEAD + "1,2,3:up\n", "line 11: 1 channels of 3 values, wanted 2 of 3"),
        (HEAD + "1,2,x:4,5,6:up\n", "line 11: could not convert string to float: 'x'"),
        (HEAD + "1,2,inf:4,5,6:up\n", "line 11: a value is infinite"),
        (HEAD + "?,?,?:4,5,6:up\n", "line 11: channel 1 has no value"),
        (HEAD + "1,2,3:4,5,6:left\n", "line 11: class 'left' is none of up, down"),
        (HEAD + "1 2 3\n", "line 11: no ':' in it"),
        (HEAD, "waves.ts is empty: it has no series after '@data'"),
        ("", "waves.ts is empty: it has no '@data'"),
        ("label,x,y\n", "line 1: 'label,x,y' stands before '@data'"),
        ("@problemName x\n@data\n1:a\n", "line 2: '@data' without '@classLabel'"),
        ("@classLabel false\n", "line 1: '@classLabel false' names no classes"),
        ("@timeStamps true\n", "line 1: series with time stamps are not read"),
    ],
)
def test_names_the_line_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(LearningError) as error:
        read_ts(write(tmp_path, text))
    assert complaint in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"none.ts can't be read \(No such file or directory\)"):
        read_ts(tmp_path / "none.ts")
