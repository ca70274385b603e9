"""A driving model without training: genuine ONNX, so small that what it says can be told in advance."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.inference import CARD_KEY, CameraInput, CylindricalView, ModelCard, ModelOutput

INSTRUCTIONS = ("follow", "left", "right", "straight")
COMMANDS = ((0.1, 3.0), (0.4, 2.0), (-0.4, 2.0), (0.0, 20.0))
"""For each instruction rad, times the picture's mean red as a part of 255, and m/s."""


def write_drive_model(path: Path, **card: Any) -> Path:
    """Write a model that gives `COMMANDS`; of a black picture it makes NaN. `card` changes the card's fields."""
    onnx = pytest.importorskip("onnx", reason="makes an ONNX file with the package onnx (extra 'learn')")
    helper, types = onnx.helper, onnx.TensorProto
    view = CylindricalView(100, 33, math.radians(60), 0.2, -0.3)
    constants = [
        helper.make_tensor("table", types.FLOAT, [4, 2], np.array(COMMANDS, np.float32).ravel()),
        helper.make_tensor("zero", types.INT64, [], [0]),
        helper.make_tensor("one", types.INT64, [1], [1]),
        helper.make_tensor("full", types.FLOAT, [1], [255.0]),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=types.FLOAT),
        helper.make_node("Gather", ["floats", "zero"], ["red"], axis=2),
        helper.make_node("ReduceMean", ["red"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "one"], ["flat"]),
        helper.make_node("Div", ["flat", "full"], ["part"]),
        helper.make_node("Div", ["flat", "flat"], ["seen"]),
        helper.make_node("Concat", ["part", "seen"], ["factors"], axis=0),
        helper.make_node("Mul", ["table", "factors"], ["commands"]),
    ]
    net = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", types.UINT8, [view.height, view.width, 3])],
        [helper.make_tensor_value_info("commands", types.FLOAT, [4, 2])],
        constants,
    )
    model = helper.make_model(net, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    fields: dict[str, Any] = {
        "name": "tiny",
        "task": "drive",
        "description": "Goes slowly, and turns as it is told.",
        "input": CameraInput.of_view(view),
        "outputs": (ModelOutput(name="commands", unit="rad, m/s", description="for each class angle and speed"),),
        "classes": INSTRUCTIONS,
        "licence": "CC0-1.0",
        "revision": "0",
        "command": "none",
    }
    helper.set_model_props(model, {CARD_KEY: ModelCard(**(fields | card)).model_dump_json()})
    path.write_bytes(model.SerializeToString())
    return path
