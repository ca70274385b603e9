"""Small genuine ONNX files with cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convoy.inference import CARD_KEY, CameraInput, ModelCard, ModelOutput

onnx = pytest.importorskip("onnx", reason="makes ONNX files with the package onnx (extra 'learn')")


def steering_card(**changes: Any) -> ModelCard:
    fields: dict[str, Any] = {
        "name": "mean",
        "task": "steering",
        "description": "Mean of the first channel, as an angle.",
        "input": CameraInput(width=8, height=4),
        "outputs": (ModelOutput(name="steering_angle", unit="rad"),),
        "licence": "CC0-1.0",
        "revision": "0",
        "command": "none",
    }
    return ModelCard(**(fields | changes))


@pytest.fixture
def card() -> Callable[..., ModelCard]:
    """Makes a steering card with the given changes."""
    return steering_card


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a net that gives the mean of the first channel of a 4x8 image; shape, versions and card can be changed."""

    def make(
        card: ModelCard | str | None = None,
        shape: tuple[int, ...] = (4, 8, 3),
        dtype: int = onnx.TensorProto.UINT8,
        opset: int = 20,
        ir_version: int = 10,
        name: str = "model.onnx",
    ) -> Path:
        helper = onnx.helper
        index = helper.make_tensor("zero", onnx.TensorProto.INT64, [], [0])
        nodes = [
            helper.make_node("Cast", ["image"], ["floats"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Gather", ["floats", "zero"], ["red"], axis=len(shape) - 1),
            helper.make_node("ReduceMean", ["red"], ["steering_angle"], keepdims=0),
        ]
        graph = helper.make_graph(
            nodes,
            "mean",
            [helper.make_tensor_value_info("image", dtype, shape)],
            [helper.make_tensor_value_info("steering_angle", onnx.TensorProto.FLOAT, [])],
            [index],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
        if card is not None:
            text = card if isinstance(card, str) else card.model_dump_json()
            helper.set_model_props(model, {CARD_KEY: text})
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return make
