"""A session refuses what it can't run, with what was found and wanted, and runs the rest alike each time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convoy import tracing
from convoy.inference import CameraInput, ModelCard, ModelError, ModelOutput, Session
from convoy.inference.devices import why_not

MakeModel = Callable[..., Path]
MakeCard = Callable[..., ModelCard]


def test_runs_an_image_of_the_cards_size(make_model: MakeModel, card: MakeCard) -> None:
    session = Session.load(make_model(card()), "steering")
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[..., 0] = 7
    pixels[..., 1] = 200
    assert session.run(pixels)["steering_angle"] == 7.0
    assert session.card.name == "mean"


def test_brings_an_image_of_another_size_to_the_cards(make_model: MakeModel, card: MakeCard) -> None:
    session = Session.load(make_model(card()), "steering")
    large = np.zeros((40, 80, 3), np.uint8)
    large[:, ::2, 0] = 100  # fine stripes: only the mean over the area keeps their brightness
    assert session.run(large)["steering_angle"] == pytest.approx(50.0)
    assert session.run(np.full((2, 2, 3), 9, np.uint8))["steering_angle"] == 9.0


def test_takes_pixels_that_are_read_only(make_model: MakeModel, card: MakeCard) -> None:
    session = Session.load(make_model(card()), "steering")
    for height, width in ((4, 8), (8, 16)):
        pixels = np.full((height, width, 3), 5, np.uint8)
        pixels.flags.writeable = False
        assert session.run(pixels)["steering_angle"] == 5.0


def test_takes_a_view_that_is_not_contiguous(make_model: MakeModel, card: MakeCard) -> None:
    session = Session.load(make_model(card()), "steering")
    bgr = np.random.default_rng(0).integers(0, 255, (4, 8, 3), np.uint8)
    assert session.run(bgr[..., ::-1])["steering_angle"] == pytest.approx(bgr[..., 2].mean())


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 8, 3), np.float32),
        np.zeros((4, 8), np.uint8),
        np.zeros((4, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_refuses_what_is_not_a_colour_image(make_model: MakeModel, card: MakeCard, pixels: np.ndarray) -> None:
    session = Session.load(make_model(card()), "steering")
    with pytest.raises(ModelError, match=r"wanted uint8 of shape \(height, width, 3\)"):
        session.run(pixels)


def test_reports_inference_and_the_runtimes_part_of_it(make_model: MakeModel, card: MakeCard) -> None:
    session = Session.load(make_model(card()), "steering")
    stages: list[str] = []
    with tracing.listen(lambda name, _: stages.append(name)):
        session.run(np.zeros((4, 8, 3), np.uint8))
    assert stages == ["runtime", "inference"], "what ONNX Runtime takes, within the whole"


def test_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Session.load(tmp_path / "no.onnx", "steering")


def test_names_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Is a directory"):
        Session.load(tmp_path, "steering")


def test_refuses_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.touch()
    with pytest.raises(ModelError, match="is empty"):
        Session.load(path, "steering")


def test_refuses_a_truncated_file_wherever_it_ends(make_model: MakeModel, card: MakeCard) -> None:
    path = make_model(card())
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"truncated|without a card"):
            Session.load(path, "steering")


@pytest.mark.parametrize("content", [b"just a text file\n" * 20, b"\x89PNG\r\n\x1a\n" + bytes(99), b"\xff" * 64])
def test_refuses_another_format(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not an ONNX file"):
        Session.load(path, "steering")


def test_refuses_a_model_without_a_card(make_model: MakeModel) -> None:
    with pytest.raises(ModelError, match="without a card"):
        Session.load(make_model(None), "steering")


def test_refuses_a_card_that_it_does_not_understand(make_model: MakeModel, card: MakeCard) -> None:
    with pytest.raises(ModelError, match=r"card of .* can't be used"):
        Session.load(make_model("{}"), "steering")
    newer = card().model_dump_json().replace('"format":1', '"format":2')
    with pytest.raises(ModelError, match="format"):
        Session.load(make_model(newer), "steering")


def test_refuses_a_model_of_another_task(make_model: MakeModel, card: MakeCard) -> None:
    path = make_model(card(task="weather"))
    with pytest.raises(ModelError, match=r"model\.onnx is a model for task 'weather', wanted 'steering'"):
        Session.load(path, "steering")


def test_refuses_a_step_that_it_does_not_know(make_model: MakeModel, card: MakeCard) -> None:
    with pytest.raises(ModelError, match="needs the step 'unwarp'"):
        Session.load(make_model(card(steps=("unwarp",))), "steering")


def test_refuses_versions_that_the_runtime_can_not_run(make_model: MakeModel, card: MakeCard) -> None:
    with pytest.raises(ModelError, match=r"Opset 99 .* is till opset \d+") as opset:
        Session.load(make_model(card(), opset=99), "steering")
    assert "::" not in str(opset.value)
    with pytest.raises(ModelError, match=r"IR version: 99, max supported IR version: \d+"):
        Session.load(make_model(card(), ir_version=99), "steering")


def test_refuses_a_graph_that_contradicts_its_card(make_model: MakeModel, card: MakeCard) -> None:
    with pytest.raises(ModelError, match=r"takes image tensor\(uint8\) \[4, 8, 3\], the card says .* \[4, 9, 3\]"):
        Session.load(make_model(card(input=CameraInput(width=9, height=4))), "steering")
    with pytest.raises(ModelError, match=r"takes image tensor\(float\)"):
        Session.load(make_model(card(), dtype=1), "steering")
    outputs = (ModelOutput(name="steering_angle", unit="rad"), ModelOutput(name="speed", unit="m/s"))
    with pytest.raises(ModelError, match="gives steering_angle, the card says speed too"):
        Session.load(make_model(card(outputs=outputs)), "steering")


def test_a_device_asked_for_by_name_is_taken_or_refused(make_model: MakeModel, card: MakeCard) -> None:
    path = make_model(card())
    assert Session.load(path, "steering", device="cpu").device == "cpu"
    assert Session.load(path, "steering", device="auto").device in ("cpu", "cuda")
    with pytest.raises(ModelError, match="no device 'gpu'; wanted one of auto, cpu, cuda, tensorrt"):
        Session.load(path, "steering", device="gpu")
    for device in ("cuda", "tensorrt"):
        if why_not(device) is None:
            assert Session.load(path, "steering", device=device).device == device
        else:
            with pytest.raises(ModelError, match=f"Device '{device}' does not load: .+"):
                Session.load(path, "steering", device=device)


def test_refuses_threads_below_one(make_model: MakeModel, card: MakeCard) -> None:
    with pytest.raises(ModelError, match="threads is 0, wanted 1 or more"):
        Session.load(make_model(card()), "steering", threads=0)


def test_loads_quietly_and_without_torch(make_model: MakeModel, card: MakeCard) -> None:
    program = (
        "import sys; from convoy.inference import Session;"
        f"Session.load({str(make_model(card()))!r}, 'steering');"
        "assert not {'torch', 'onnx', 'lightning'} & set(sys.modules), 'the robot imports a training package'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_sent_and_nothing_is_left_behind(make_model: MakeModel, card: MakeCard, tmp_path: Path) -> None:
    """ONNX Runtime keeps what it would send to its makers in ~/.cache, from its import on, unless it is told not to."""
    home = tmp_path / "home"
    home.mkdir()
    program = f"from convoy.inference import Session; Session.load({str(make_model(card()))!r}, 'steering')"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "HOME": str(home)}, check=True)
    assert not list(home.rglob("*"))
