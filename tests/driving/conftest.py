"""What drives in these tests."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.conformance import golden

from convoy.inference import CARD_KEY, CameraInput, CylindricalView, ModelCard


@pytest.fixture(scope="session")
def steering_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genuine steering model that turns to where it is brighter; of a black image it makes NaN."""
    return golden.write_model(tmp_path_factory.mktemp("models") / "brighter.onnx")


@pytest.fixture(scope="session")
def cylindrical_model(steering_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same net, asking for 60 degrees of a cylinder."""
    onnx = pytest.importorskip("onnx", reason="changes an ONNX file with the package onnx (extra 'learn')")
    card = ModelCard.read(steering_model)
    view = CylindricalView(card.camera.width, card.camera.height, math.radians(60), 0.3, -0.3)
    model = onnx.load(steering_model)
    changed = card.model_copy(update={"input": CameraInput.of_view(view)})
    onnx.helper.set_model_props(model, {CARD_KEY: changed.model_dump_json()})
    path = tmp_path_factory.mktemp("models") / "cylindrical.onnx"
    onnx.save(model, path)
    return path
