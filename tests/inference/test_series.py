"""A model may take a time series: of any length and spacing, brought to the one that the net was made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convoy.inference import CARD_KEY, ModelCard, ModelError, ModelOutput, SeriesInput, Session, resample

onnx = pytest.importorskip("onnx", reason="makes ONNX files with the package onnx (extra 'learn')")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Gives the mean over time of each of two channels, of series of four steps."""
    helper = onnx.helper
    card = ModelCard(
        name="mean",
        task="gestures",
        description="Mean over time.",
        input=SeriesInput(steps=4, channels=2, quantity="anything"),
        outputs=(ModelOutput(name="probabilities", unit="probability"),),
        classes=("left", "right"),
        licence="CC0-1.0",
        revision="0",
        command="none",
    )
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["series", "axis"], ["probabilities"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("series", onnx.TensorProto.FLOAT, (4, 2))],
        [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [2])],
        [helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [0])],
    )
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(file, {CARD_KEY: card.model_dump_json()})
    path = tmp_path / "mean.onnx"
    path.write_bytes(file.SerializeToString())
    return path


def test_runs_on_series_of_any_length(model: Path) -> None:
    session = Session.load(model, "gestures", "cpu")
    for steps in (1, 2, 4, 51):
        line = np.stack([np.linspace(0, 2, steps), np.full(steps, 3)], axis=1).astype(np.float32)
        mean = 1.0 if steps > 1 else 0.0
        assert session.run(line)["probabilities"] == pytest.approx([mean, 3.0])


@pytest.mark.parametrize(
    ("series", "complaint"),
    [
        (np.zeros((4, 3), np.float32), r"shape \(4, 3\) and type float32.*wanted float32 of shape \(steps, 2\)"),
        (np.zeros((4, 2)), "type float64"),
        (np.zeros((0, 2), np.float32), r"shape \(0, 2\)"),
        (np.full((4, 2), np.nan, np.float32), "not finite"),
    ],
)
def test_refuses_what_is_no_such_series(model: Path, series: np.ndarray, complaint: str) -> None:
    session = Session.load(model, "gestures", "cpu")
    with pytest.raises(ModelError, match=complaint):
        session.run(series)


def test_who_wants_images_is_told_what_the_model_takes(model: Path) -> None:
    card = ModelCard.read(model)
    assert card.series.channels == 2
    with pytest.raises(ModelError, match="mean takes 4 instants of 2 channels: anything, no image"):
        _ = card.camera


def test_a_series_is_read_at_even_instants() -> None:
    times = np.array([0.0, 0.1, 0.2, 1.0])
    values = (3 * times - 1)[:, None]
    assert resample(values, 5, times)[:, 0] == pytest.approx([-1.0, -0.25, 0.5, 1.25, 2.0])
    assert resample(values, 4).dtype == np.float32
    assert resample(values[:1], 3)[:, 0] == pytest.approx([-1, -1, -1])
