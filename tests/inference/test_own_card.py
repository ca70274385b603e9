"""What a user writes beside a model of their own is read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convoy.inference import ModelCard, ModelError

MakeModel = Callable[..., Path]
CARD = """
task: detection
input: {name: images, width: 64, height: 32, layout: NCHW float32, scale: 0.00392156862745098, resize: letterbox}
output: {form: yolov8, output: output0}
classes: [person, bicycle]
"""


@pytest.fixture
def write(make_model: MakeModel) -> Callable[[str], Path]:
    """Writes a model without a card and one beside it; returns the model's path."""

    def write(text: str) -> Path:
        path = make_model(None)
        path.with_name("model.card.yaml").write_text(text)
        return path

    return write


def test_a_card_beside_the_file_is_its_card(write: Callable[[str], Path]) -> None:
    card = ModelCard.read(write(CARD))
    assert (card.task, card.classes) == ("detection", ("person", "bicycle"))
    assert card.camera.shape == (1, 3, 32, 64)
    assert card.camera.dtype == "float32"
    assert card.form is not None
    assert card.form.form == "yolov8"
    assert [output.name for output in card.outputs] == ["boxes", "scores"]
    assert card.licence == "not stated"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "is no card"),
        ("task: [", "is no YAML"),
        (CARD.replace("detection", "weather"), "the task is 'weather'; wanted one of detection, segmentation, depth"),
        (CARD.replace("output:", "outputs:"), "'output' is missing"),
        (CARD.replace("yolov8", "yolov99"), "form: .*'yolov99'.*'boxes', 'yolov5', 'yolov8', 'ssd'"),
        (CARD.replace("form: yolov8", "form: depth"), "results of a detection model can't have the form 'depth'"),
        (CARD.replace("classes: [person, bicycle]", ""), "'classes' is missing"),
        (CARD.replace("width: 64, ", ""), "width: Field required"),
        (CARD.replace("width: 64", "width: wide"), "width: .*integer"),
        (CARD.replace("NCHW float32", "NCHW"), "layout"),
        (CARD.replace("NCHW float32", "NHWC uint8"), "are of float32 pixels; the layout is 'NHWC uint8'"),
        (CARD.replace("width: 64", "std: [0, 1, 1], width: 64"), "'std' is 0"),
        (CARD + "colours: 3\n", "colours: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_with_it_is_named(write: Callable[[str], Path], text: str, found: str) -> None:
    with pytest.raises(ModelError, match=rf"model\.card\.yaml.*{found}"):
        ModelCard.read(write(text))


def test_a_card_that_would_never_be_read_is_refused(make_model: MakeModel, card: Callable[..., ModelCard]) -> None:
    path = make_model(card())
    path.with_name("model.card.yaml").write_text(CARD)
    with pytest.raises(ModelError, match=r"carries a card of its own; model\.card\.yaml beside it"):
        ModelCard.read(path)


def test_a_model_without_any_card_names_the_file_that_is_missing(make_model: MakeModel) -> None:
    with pytest.raises(ModelError, match=r"or model\.card\.yaml beside it"):
        ModelCard.read(make_model(None))
