"""`convoy train steering` and `convoy evaluate steering`, from recordings to a file and its figures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.commands import main
from convoy.inference import ModelCard

SMALL = ["--members", "2", "--size", "40x30", "--batch-size", "16"]


@pytest.fixture(scope="module")
def tub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short drive along a bright line."""
    folder = tmp_path_factory.mktemp("drives") / "yard"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(60):
        offset = float(np.sin(number / 5))
        image = np.full((30, 40, 3), 80, np.uint8)
        image[8:, round(18 + 16 * offset) :][:, :4] = 230
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), image)
        rows.append({"_index": number, "cam/image_array": f"{number}.jpg", "user/angle": offset, "user/throttle": 0.5})
    (folder / "catalog_0.catalog").write_text("\n".join(map(json.dumps, rows)))
    last = {"paths": ["catalog_0.catalog"], "deleted_indexes": []}
    (folder / "manifest.json").write_text("[]\n[]\n{}\n{}\n" + json.dumps(last))
    return folder


@pytest.fixture
def convoy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a command line in an empty folder."""

    def run(*arguments: str) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["convoy", *arguments])
        try:
            main()
        except SystemExit as exit_:
            if exit_.code:
                raise

    return run


def test_trains_and_evaluates(
    tub: Path, tmp_path: Path, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", f"tub:{tub}", "--out", "models/yard.onnx", "--epochs", "2", "--seed", "3", *SMALL]
    convoy("train", "steering", *options)
    assert "48 frames to train on, 12 held out" in capfd.readouterr().err
    card = ModelCard.read(tmp_path / "models" / "yard.onnx")
    assert card.command == " ".join(["convoy", "train", "steering", *options])
    assert (card.name, card.task, card.seeds) == ("yard", "steering", (3, 4))
    assert (card.camera.width, card.camera.height) == (40, 30)
    assert card.trained_on[0].frames == 48
    assert card.constant == pytest.approx(np.mean(-0.4 * np.sin(np.arange(48) / 5)), abs=1e-6)

    arguments = ["--model", "models/yard.onnx", "--data", f"tub:{tub}", "--json", "out/score.json"]
    convoy("evaluate", "steering", *arguments)
    score = json.loads((tmp_path / "out" / "score.json").read_text())
    assert score["frames"] == 12
    assert score["ratio"] == pytest.approx(score["rmse_rad"] / score["constant_rmse_rad"])
    assert f"rmse_rad           {score['rmse_rad']:.4f}" in capfd.readouterr().out.splitlines()
    # The card's figures are those that anybody measures again.
    stated = card.metrics["yard, last 20 %"]
    assert stated == pytest.approx({name: score[name] for name in stated})

    convoy("evaluate", "steering", *arguments, "--part", "all")
    assert capfd.readouterr().out.split()[:2] == ["frames", "60"]


def test_stops_at_ctrl_c_without_a_file_and_resumes(
    tub: Path, tmp_path: Path, convoy: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "steering", "--data", f"tub:{tub}", "--out", "yard.onnx", "--epochs", "8", *SMALL]
    checkpoint = tmp_path / "runs" / "train" / "yard" / "member_0" / "last.ckpt"

    def press_ctrl_c() -> None:
        give_up = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        if checkpoint.exists():
            os.kill(os.getpid(), signal.SIGINT)

    user = threading.Thread(target=press_ctrl_c)
    user.start()
    with pytest.raises(SystemExit):
        convoy(*command)
    user.join()
    assert "nothing was written but the checkpoints" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]

    convoy(*command, "--resume")
    assert ModelCard.read(tmp_path / "yard.onnx").task == "steering"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "steering", "--data", "tub:nowhere", "--out", "x.onnx"], "nowhere is no donkeycar tub"),
        (["train", "steering", "--data", "csv:x", "--out", "x.onnx"], "wanted tub:DIR"),
        (["train", "steering", "--data", "tub:x", "--out", "x.onnx", "--size", "wide"], "wanted WIDTHxHEIGHT"),
        (["evaluate", "steering", "--model", "no.onnx", "--data", "tub:x"], "no.onnx does not exist"),
    ],
)
def test_says_in_one_line_what_is_wrong(
    convoy: Callable[..., None], capfd: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit):
        convoy(*arguments)
    assert complaint in capfd.readouterr().err


def test_evaluates_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules.update(torch=None, lightning=None, onnx=None);"
        "from convoy.commands import main; main(['evaluate', 'steering', '--model', 'no.onnx', '--data', 'tub:x'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "no.onnx does not exist" in done.stderr
