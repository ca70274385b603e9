"""The page of models says what the cards say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from convoy.inference import DataSource, ModelCard
from convoy.inference.table import models_page


def test_shows_what_the_cards_say(make_model: Callable[..., Path], card: Callable[..., ModelCard]) -> None:
    source = DataSource(name="track", licence="MIT License", frames=640, part="first 80 %")
    make_model(
        card(trained_on=(source,), metrics={"track, last 20 %": {"rmse_rad": 0.0512}}, constant=-0.069), name="b.onnx"
    )
    path = make_model(card(licence="MIT"), name="a.onnx")
    page = models_page(path.parent)
    assert page.index("`a.onnx`") < page.index("`b.onnx`")
    assert "| steering | 8x4 rgb8 | `steering_angle` (rad) | MIT |" in page
    assert "640 frames, first 80 %; licence of the data: MIT License" in page
    assert "track, last 20 %: rmse_rad 0.0512" in page


def test_the_page_of_the_shipped_models_is_current(root: Path) -> None:
    assert (root / "models" / "README.md").read_text() == models_page(root / "models"), "run: convoy models --write"
