"""``convoy dataset``: what it says of a data set, and of calls that are wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convoy.commands import main
from convoy.learning.shrec import read_shrec


def folder(path: Path) -> Path:
    """Four pictures with masks, as CamVid has them; the mask of one holds an unknown number."""
    for part in ("train", "trainannot"):
        (path / part).mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(path / "train" / f"{number}.jpg"), np.full((30, 40, 3), 50 * number, np.uint8))
        cv2.imwrite(
            str(path / "trainannot" / f"{number}.png"), np.full((30, 40), 77 if number == 2 else number, np.uint8)
        )
    return path


def test_show_says_what_a_set_holds_and_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folder(tmp_path / "streets")
    with pytest.raises(SystemExit):
        main(["dataset", "show", f"folder:{data}", "--skip-missing", "--sheet", str(tmp_path / "sheet.png")])
    said = capsys.readouterr().out
    assert ": 3 samples, licence: not stated" in said
    assert "the first: 40x30, mask" in said
    assert f"folder:{data}: 1 of 4 samples left out:" in said
    assert "2.png has the number 77, which no class has" in said
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (3 * 240, 2 * 320, 3)


def test_hands_are_written_as_shrec_has_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["dataset", "hands", "--seeds", "4,5", "--test", "5", "--repetitions", "1", "--out", str(tmp_path / "hands")]
    with pytest.raises(SystemExit) as ended:
        main(call)
    assert not ended.value.code
    assert "56 gestures of 2 persons, 1 of them for the test" in capsys.readouterr().out
    assert {clip.group for clip in read_shrec(tmp_path / "hands", ways=True, split="test")} == {5}
    with pytest.raises(SystemExit):
        main(call)
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["hands", "--seeds", "0-3", "--test", "9", "--out", "x"], "--test names person 9, who is none of --seeds 0-3"),
        (["show", "folder:nowhere"], "convoy: nowhere has no pictures with masks"),
        (["record", "--towns", "tset", "--frames", "5", "--out", "x"], "found 'tset'"),
        (["record", "--towns", "3", "--frames", "5", "--out", "x", "--size", "1x1"], "width is 1, wanted 16 to 4096"),
        (["record", "--towns", "3", "--frames", "5", "--out", "x", "--weathers", "snow"], "There is no weather 'snow'"),
    ],
)
def test_a_call_that_is_wrong_is_one_line_and_makes_nothing(
    call: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["dataset", *call])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_a_sheet_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folder(tmp_path / "streets")
    with pytest.raises(SystemExit):
        main(["dataset", "show", f"folder:{data}", "--sheet", str(tmp_path / "sheet.gif")])
    assert "a sheet is drawn to a file that ends in .jpg or .png" in capsys.readouterr().err
