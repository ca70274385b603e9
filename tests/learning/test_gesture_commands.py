"""`convoy train gestures` and `convoy evaluate gestures`, from data to a file and its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.inference import ModelCard


def convoy(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "convoy", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_trains_and_evaluates_on_simulated_hands(tmp_path: Path) -> None:
    options = ["--data", "hands:0-2", "--members", "2", "--net", "mc-dcnn", "--epochs", "2"]
    options += ["--out", "models/mine.onnx", "--seed", "4"]
    done = convoy(tmp_path, "train", "gestures", *options)
    assert done.returncode == 0, done.stderr
    card = ModelCard.read(tmp_path / "models" / "mine.onnx")
    assert card.command == " ".join(["convoy", "train", "gestures", *options])
    assert (card.name, card.task, card.seeds) == ("mine", "gestures", (4,))
    assert (len(card.classes), card.classes[-1]) == (15, "unknown")
    assert card.series.shape == (32, 66)
    assert "accuracy" in next(iter(card.metrics.values()))

    arguments = ["--model", "models/mine.onnx", "--data", "hands:50", "--json", "out/score.json"]
    done = convoy(tmp_path, "evaluate", "gestures", *arguments, "--picture", "out/confusion.png")
    assert done.returncode == 0, done.stderr
    score = json.loads((tmp_path / "out" / "score.json").read_text())
    assert score["clips"] == 56
    assert 0.2 < score["accuracy"] <= 1
    assert score["accuracy_low"] < score["accuracy"] < score["accuracy_high"] or score["accuracy"] == 1
    assert f"accuracy                 {score['accuracy']:.4f}" in done.stdout.splitlines()
    assert set(score["recall"]) == set(card.classes)
    assert (tmp_path / "out" / "confusion.png").exists()

    done = convoy(tmp_path, "evaluate", "gestures", *arguments, "--stream", "40")
    assert done.returncode == 0, done.stderr
    assert {"f1", "false_alarms_per_minute", "delay_p95_s"} <= json.loads(
        (tmp_path / "out/score.json").read_text()
    ).keys()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "gestures", "--data", "ts:none.ts", "--out", "x.onnx"], "none.ts can't be read"),
        (["train", "gestures", "--data", "hands:x", "--out", "x.onnx"], "Seeds 'x' are not understood"),
        (["train", "gestures", "--data", "ts:x", "--out", "x.onnx", "--net", "vgg"], "'vgg' is not one of"),
        (["evaluate", "gestures", "--model", "no.onnx", "--data", "hands:1"], "no.onnx does not exist"),
    ],
)
def test_says_in_one_line_what_is_wrong(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    done = convoy(tmp_path, *arguments)
    assert done.returncode in (1, 2)
    assert complaint in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
