"""A policy drives by another model when it is told to, and by the one before when that can't be used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from convoy.driving.steering_policy import SteeringPolicy
from convoy.graph import Level
from convoy.graph.bench import Bench
from convoy.interfaces.messages import String, make


@pytest.fixture
def policy(steering_model: Path) -> Bench:
    bench = Bench(SteeringPolicy("policy", {"model": str(steering_model)}))
    bench.component.configure()
    bench.component.activate()
    return bench


def test_another_model_takes_over_and_an_empty_name_brings_the_first_one_back(
    policy: Bench, steering_model: Path, tmp_path: Path
) -> None:
    other = shutil.copy(steering_model, tmp_path / "other.onnx")
    policy.deliver("model", make(String, data=str(other)))
    assert policy.component.session.path == Path(other)
    assert policy.reported("Model", Level.OK)
    policy.deliver("model", make(String))
    assert policy.component.session.path == steering_model


def test_a_model_that_cant_be_used_is_an_error_and_the_one_before_drives_on(
    policy: Bench, steering_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    policy.deliver("model", make(String, data=str(tmp_path / "broken.onnx")))
    assert policy.reported("Errors", Level.ERROR)
    assert policy.component.session.path == steering_model
