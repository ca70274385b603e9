"""What sees in these tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.perception import painted

from convoy.graph import Component
from convoy.graph.bench import Bench


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the painted model of a task, written once."""
    folder, written = tmp_path_factory.mktemp("painted"), {}

    def model(task: str) -> Path:
        if task not in written:
            written[task] = painted.write_model(folder / f"{task}.onnx", task)
        return written[task]

    return model


@pytest.fixture
def active(model: Callable[[str], Path]) -> Callable[..., Bench]:
    """Brings a component to life, with the painted model of its task unless another one is given."""

    def active(cls: type[Component], **parameters: Any) -> Bench:
        given = {"model": str(model(cls.TASK)), "device": "cpu"} if hasattr(cls, "TASK") else {}
        bench = Bench(cls("seer", given | parameters), painted.STAMP)
        bench.component.configure()
        bench.component.activate()
        return bench

    return active
