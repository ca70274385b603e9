"""``convoy train drive`` as a user calls it: it may be killed at any time, and goes on to the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mujoco", reason="drives in the simulator (extra 'sim')")
torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.inference import ModelCard  # noqa: E402
from convoy.learning.driving_weights import load_weights  # noqa: E402

SMALL = ("--towns", "2", "--seconds", "2", "--rounds", "1", "--epochs", "2", "--batch-size", "16")
PATIENCE_S = 600
"""Half a minute will do where nothing else runs."""


def train(folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "convoy", "train", "drive", "--out", "mine.onnx", *SMALL, *more]
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def weights(folder: Path) -> torch.Tensor:
    net = load_weights(folder / "mine.onnx", dropout=0.0)
    return torch.cat([parameter.flatten() for parameter in net.parameters()])


def take_validation(source: Path, target: Path) -> Path:
    """Spare a training the drives that are the same in all of them."""
    drives = target / "runs" / "train" / "mine" / "validation"
    drives.mkdir(parents=True)
    for path in (source / "runs" / "train" / "mine" / "validation").iterdir():
        os.link(path, drives / path.name)
    return drives


def kill_when(process: subprocess.Popen[str], sign: Path) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not sign.exists():
        assert process.poll() is None, end(process)
        assert time.monotonic() < give_up, f"no {sign}"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert end(process)[0] == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(opengl: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("trainings") / "whole"
    code, said = end(train(folder))
    assert code == 0, said
    return folder


def test_it_becomes_a_model_that_says_how_it_was_made(whole: Path) -> None:
    card = ModelCard.read(whole / "mine.onnx")
    assert card.command == "convoy train drive --out mine.onnx " + " ".join(SMALL)
    assert (card.name, card.task, card.classes) == ("mine", "drive", ("follow", "left", "right", "straight"))
    assert card.camera.view is not None
    figures = card.metrics["drives of the expert in validation towns"]
    assert figures["frames"] > 50
    assert 0 < figures["angle_rmse_rad"] < 1
    run = whole / "runs" / "train" / "mine"
    parts = ["drives_0", "drives_1", "round_0", "round_0.onnx", "round_1", "validation"]
    assert sorted(path.name for path in run.iterdir()) == parts
    # Two train towns for the expert; a third one, later, for what has been learnt from them.
    assert sorted(path.name for path in (run / "drives_0").iterdir()) == ["0_0_2s.npz", "1_0_2s.npz"]
    assert [path.name for path in (run / "drives_1").iterdir()] == ["2_1_2s.npz"]


def test_killed_in_either_round_it_goes_on_to_the_same_weights(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "train" / "mine"
    take_validation(whole, tmp_path)
    kill_when(train(tmp_path), run / "round_0" / "last.ckpt")
    expert = {path.name: path.stat().st_mtime_ns for path in (run / "drives_0").iterdir()}
    kill_when(train(tmp_path, "--resume"), run / "round_1" / "options.json")  # before the round's first checkpoint
    assert not (tmp_path / "mine.onnx").exists()
    code, said = end(train(tmp_path, "--resume"))
    assert code == 0, said
    assert {path.name: path.stat().st_mtime_ns for path in (run / "drives_0").iterdir()} == expert
    assert torch.equal(weights(tmp_path), weights(whole))


def test_a_damaged_drive_ends_it_in_one_line(whole: Path, tmp_path: Path) -> None:
    damaged = sorted(take_validation(whole, tmp_path).iterdir())[1]
    content = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(content[: len(content) // 2])
    code, said = end(train(tmp_path))
    assert code == 1
    assert f"{damaged.relative_to(tmp_path)} is no whole drive" in said.splitlines()[-1]
    assert "Traceback" not in said
