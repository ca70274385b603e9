"""A card says what a model is for, and is refused where it contradicts itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from convoy.inference import ModelCard, ModelOutput


def test_travels_in_the_file(make_model: Callable[..., Path], card: Callable[..., ModelCard]) -> None:
    written = card(constant=-0.02, metrics={"track, last 20 %": {"rmse_rad": 0.05}}, seeds=(1,))
    assert ModelCard.read(make_model(written)) == written


def test_a_steering_model_gives_an_angle_in_radians(card: Callable[..., ModelCard]) -> None:
    with pytest.raises(ValidationError, match="'steering_angle' in rad"):
        card(outputs=(ModelOutput(name="steering_angle", unit="deg"),))


def test_every_class_has_its_colour(card: Callable[..., ModelCard]) -> None:
    with pytest.raises(ValidationError, match="2 classes, but 1 colours"):
        card(classes=("road", "sky"), palette=((0, 0, 0),))
