"""From a trained torch net to the one file that the robot runs."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from convoy.inference import CARD_KEY, ModelCard, Session
from convoy.learning.errors import LearningError

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference between torch and the exported file, in the output's unit, where nothing else is stated."""


Outputs = Mapping[str, np.ndarray]
"""What a net gives for one image or series, by the outputs' names."""


def largest_differences(wanted: Outputs, found: Outputs) -> dict[str, float]:
    """The largest difference of two arrays' values, by output."""
    return {name: float(np.abs(found[name] - values).max()) for name, values in wanted.items()}


class _One(nn.Module):
    """Takes one image, (H, W, 3), or one series, (T, C), and gives each output without the axis of the batch."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, values: Tensor) -> tuple[Tensor, ...]:
        return tuple(output.squeeze(0) for output in _all(self.net(values.unsqueeze(0))))


def write_model(
    net: nn.Module,
    card: ModelCard,
    frames: Iterable[np.ndarray],
    path: Path,
    measure: Callable[[Session], dict[str, dict[str, float]]],
    differences: Callable[[Outputs, Outputs], Mapping[str, float]] = largest_differences,
    tolerance: Mapping[str, float] | None = None,
) -> ModelCard:
    """Export `net` with its card to `path`, which appears only when everything is well.

    `net` maps images or series, of the card's type and shape with N in front, to an output of shape (N, ...), or to a
    tuple of the card's outputs, in its order. On each of `frames` the file must give what torch gives: of the
    `differences` between torch's outputs and the file's, each is at most the `tolerance` of its output. `measure` runs
    the file on held-out data; its figures join the card.

    Raises:
        LearningError: the exported file differs from torch by more.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    net = net.cpu().eval()
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        model = _export(net, card, draft)
        _save(model, card, draft)
        session = Session.load(draft, card.task, device="cpu")
        _compare(net, session, frames, differences, tolerance or {})
        card = card.model_copy(update={"metrics": measure(session)})
        _save(model, card, draft)
        os.replace(draft, path)
    return card


def _export(net: nn.Module, card: ModelCard, path: Path) -> onnx.ModelProto:
    example = torch.from_numpy(np.zeros(card.input.shape, card.input.dtype))
    with warnings.catch_warnings():
        # The older exporter: the newer one needs further packages, can't do torchvision's detectors, and writes
        # the paths of this machine's source files into the model.
        warnings.simplefilter("ignore")
        one = _One(net).eval()
        # Of this module alone: the exporter then leaves weights apart that happen to be equal.
        one.training = True
        torch.onnx.export(
            one,
            (example,),
            path,
            input_names=[card.input.name],
            output_names=[output.name for output in card.outputs],
            opset_version=OPSET,
            dynamo=False,
            # The net's weights keep their names, so that another training can start from the file. ONNX Runtime folds
            # what is constant when it loads it.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def _save(model: onnx.ModelProto, card: ModelCard, path: Path) -> None:
    onnx.helper.set_model_props(model, {CARD_KEY: card.model_dump_json()})
    onnx.save(model, path)


def _compare(
    net: nn.Module,
    session: Session,
    frames: Iterable[np.ndarray],
    differences: Callable[[Outputs, Outputs], Mapping[str, float]],
    tolerance: Mapping[str, float],
) -> None:
    for number, frame in enumerate(frames):
        found = session.run(frame)
        with torch.no_grad():
            outputs = _all(net(torch.from_numpy(frame)[None]))
        wanted = {card.name: values[0].numpy() for card, values in zip(session.card.outputs, outputs, strict=True)}
        for name, apart in differences(wanted, found).items():
            most = tolerance.get(name, TOLERANCE)
            if not apart <= most:
                raise LearningError(
                    f"The exported file differs from torch by {apart:.2g} in {name!r} on frame {number}, "
                    f"wanted at most {most:.0e}."
                )


def _all(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)
