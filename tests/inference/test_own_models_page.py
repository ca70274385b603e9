"""The examples of docs/own_models.md are cards that can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from convoy.inference import ModelCard
from convoy.inference.forms import FORMS_OF_TASKS

EXAMPLES = re.findall(
    r"```yaml\n(.*?)```", (Path(__file__).parents[2] / "docs" / "own_models.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_example_can_be_read(make_model: Callable[..., Path], text: str) -> None:
    path = make_model(None)
    path.with_name("model.card.yaml").write_text(text)
    card = ModelCard.read(path)
    assert card.form is not None


def test_there_is_an_example_of_every_form() -> None:
    shown = set(re.findall(r"form: (\w+)", "".join(EXAMPLES)))
    forms = {form for task in FORMS_OF_TASKS.values() for part in task for form in _names(part)}
    assert shown == forms


def _names(part: type) -> tuple[str, ...]:
    from typing import get_args, get_type_hints

    return get_args(get_type_hints(part)["form"])
