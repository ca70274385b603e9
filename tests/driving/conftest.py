"""What drives in these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance import golden


@pytest.fixture(scope="session")
def steering_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genuine steering model that turns to where it is brighter; of a black image it makes NaN."""
    return golden.write_model(tmp_path_factory.mktemp("models") / "brighter.onnx")
