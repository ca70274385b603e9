"""Folders in the published layouts of SHREC'17 and DHG-14/28 are read, with labels, splits and gaps."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from convoy.learning.errors import LearningError
from convoy.learning.gesture_data import open_series
from convoy.learning.shrec import read_shrec, write_shrec
from convoy_sim.hands import GESTURES, Person

ROW = " ".join(f"{0.01 * number:.3f}" for number in range(1, 67))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shrec")
    clips = [(subject, clip) for subject in (1, 2, 3) for clip in Person(subject).clips(1, 2)]
    assert write_shrec(root, clips, test=[3]) == 3 * 28
    return root


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """One recording in SHREC'17's layout, written out by hand: gesture 7 with the whole hand."""
    folder = tmp_path / "gesture_7" / "finger_2" / "subject_4" / "essai_1"
    folder.mkdir(parents=True)
    (folder / "skeletons_world.txt").write_text(f"{ROW}\n" * 5)
    (tmp_path / "train_gestures.txt").write_text("7 2 4 1 7 14 5\n")
    (tmp_path / "test_gestures.txt").write_text("7 2 4 1 7 14 5\n")
    return tmp_path


def recording(root: Path) -> Path:
    return root / "gesture_7/finger_2/subject_4/essai_1/skeletons_world.txt"


def test_the_official_split_and_both_labels(published: Path) -> None:
    train, test = (read_shrec(published, False, part) for part in ("train", "test"))
    assert (len(train), len(test)) == (56, 28)
    assert {clip.group for clip in train} == {1, 2}
    assert {clip.group for clip in test} == {3}
    assert {clip.label for clip in test} == set(GESTURES)
    both = read_shrec(published, True, "test")
    assert len({clip.label for clip in both}) == 28
    assert {"grab (finger)", "shake (hand)"} <= {clip.label for clip in both}
    assert len(read_shrec(published, False, "all")) == 84


def test_what_was_written_is_what_is_read(published: Path) -> None:
    clip = next(clip for clip in Person(3).clips(1, 2) if clip.gesture == "tap")
    read = next(clip for clip in read_shrec(published, True, "test") if clip.label == "tap (finger)")
    seen = ~np.isnan(clip.joints).any(axis=(1, 2))
    assert np.allclose(read.joints[seen], clip.joints[seen], atol=1e-6)
    assert np.isnan(read.joints[~seen]).all()


def test_opened_as_14_and_as_28_classes(published: Path) -> None:
    for ways, count in ((False, 14), (True, 28)):
        data = open_series(f"shrec:{published}", ways, "train")
        assert len(data.classes) == count
        assert data.values.shape == (56, 32, 66)
        assert np.isfinite(data.values).all()
    # Labels count as SHREC does: (gesture - 1) * 2 + finger, from 1.
    assert data.classes[13] == "swipe_right (hand)"


def test_frames_in_which_no_hand_was_seen_are_filled(one: Path) -> None:
    zeros = " ".join(["0.0"] * 66)
    recording(one).write_text(f"{ROW}\n{zeros}\n\n{ROW}\nnan {ROW[6:]}\n")
    clip = read_shrec(one, True)[0]
    assert clip.joints.shape == (4, 22, 3)
    assert np.isnan(clip.joints[1]).all()
    assert np.isnan(clip.joints[3, 0]).all()
    assert np.isfinite(open_series(f"shrec:{one}").values).all()


def test_dhg_is_cut_to_the_frames_of_the_gesture(one: Path) -> None:
    recording(one).rename(recording(one).with_name("skeleton_world.txt"))
    (one / "informations_troncage_sequences.txt").write_text("7 2 4 1 1 3\n")
    assert read_shrec(one, True)[0].joints.shape == (3, 22, 3)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("7 2 4 1 7 14\n", "train_gestures.txt, line 1: '7 2 4 1 7 14'; wanted 7 numbers"),
        ("7 2 4 1 7 13 5\n", "line 1: labels 7 and 13 for gesture 7 with finger 2, wanted 7 and 14"),
        ("\n15 2 4 1 15 30 5\n", "line 2: gesture 15, finger 2; wanted 1 to 14 and 1 or 2"),
        ("7 2 4 9 7 14 5\n", "essai_9/skeletons_world.txt is missing"),
        ("", "train_gestures.txt is empty"),
    ],
)
def test_a_wrong_line_of_the_split_is_named(one: Path, line: str, complaint: str) -> None:
    (one / "train_gestures.txt").write_text(line)
    with pytest.raises(LearningError) as error:
        read_shrec(one, False)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"{ROW}\n{ROW} 0.5\n", "skeletons_world.txt, line 2: 67 numbers, wanted 66"),
        (f"{ROW}\n{ROW[:-6]}\n", "skeletons_world.txt, line 2: 65 numbers, wanted 66"),
        (f"{ROW}\n{ROW[:-5]}x.yz\n", "skeletons_world.txt, line 2: could not convert"),
        ("", "skeletons_world.txt is empty"),
        (" ".join(["0"] * 66), "no hand is seen in any of its frames"),
    ],
)
def test_a_wrong_row_of_a_recording_is_named(one: Path, text: str, complaint: str) -> None:
    recording(one).write_text(text)
    with pytest.raises(LearningError) as error:
        read_shrec(one, False)
    assert complaint in str(error.value)


def test_a_folder_of_something_else_is_refused(tmp_path: Path, one: Path) -> None:
    with pytest.raises(LearningError, match="is not a folder"):
        read_shrec(tmp_path / "none", False)
    shutil.rmtree(one / "gesture_7")
    with pytest.raises(LearningError, match="is missing"):
        read_shrec(one, False)
    (one / "train_gestures.txt").unlink()
    with pytest.raises(LearningError, match=r"train_gestures.txt can't be read"):
        read_shrec(one, False)
