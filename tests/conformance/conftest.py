"""The golden bags and the model that they are driven with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance import golden


@pytest.fixture(scope="session")
def golden_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A steering model that needs no training."""
    return golden.write_model(tmp_path_factory.mktemp("golden") / "brighter.onnx")


@pytest.fixture(scope="session", params=["raw", "compressed", "real"])
def golden_bag(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag of images, raw or compressed, or the first of a real drive."""
    path = tmp_path_factory.mktemp("golden") / request.param
    if request.param == "real":
        return golden.excerpt(path, request.getfixturevalue("shared") / "bags" / "rc_track")
    return golden.write_bag(path, compressed=request.param == "compressed")
