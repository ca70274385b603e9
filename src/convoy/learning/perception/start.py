"""Starting from weights that were trained before, and leaving a part of them as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from convoy.learning.errors import LearningError
from convoy.learning.perception.task import PerceptionNet

IN_MODEL_FILE, IN_CHECKPOINT = "net.model.", "model."
"""What the names of a net's weights begin with."""
_AROUND_BACKBONE = re.compile(r"^(net\.)?(encoder|backbone)\.((body|model)\.)*")
"""What a net puts before the names that a backbone's library gives to its weights."""


@dataclass(frozen=True)
class Started:
    """How many of a net's weights were taken from a file, of how many, and the names of the others."""

    taken: int
    of: int
    others: tuple[str, ...]


def start_from(net: nn.Module, path: Path) -> Started:
    """Take from a file all weights that have the same name and shape in `net`; the others stay as they are.

    A backbone's weights are known by their names within it, whatever net stands on it. `path` is a model file or a
    checkpoint of a perception net made by `convoy train`.

    Raises:
        LearningError: it can't be read, or has not one weight for this net.
    """
    found = _read(path)
    own = net.state_dict()
    wanted = {name: value for name, value in own.items() if not name.endswith("num_batches_tracked")}
    of_backbone = {_AROUND_BACKBONE.sub("", name): value for name, value in found.items()}
    offered = {name: found.get(name, of_backbone.get(_AROUND_BACKBONE.sub("", name))) for name in wanted}
    taken = {name: value for name, value in offered.items() if value is not None and value.shape == own[name].shape}
    if not taken:
        raise LearningError(
            f"{path} has {len(found)} weights, none of which has the name and the shape of one of this net's; "
            "start from a file of the same net and backbone."
        )
    net.load_state_dict(own | taken)
    return Started(len(taken), len(wanted), tuple(sorted(wanted.keys() - taken.keys())))


def frozen_modules(net: PerceptionNet, stage: str, height: int, width: int) -> list[nn.Module]:
    """Freeze the part of a net's encoder that its features up to a stride depend on.

    `stage` is ``encoder`` for all of it, or a stride in pixels such as ``8``. Returns the modules that must stay in
    `eval` mode: those with weights of which none learns.

    Raises:
        LearningError: the encoder has no features of this stride.
    """
    for parameter in net.encoder.parameters():
        parameter.requires_grad_(stage != "encoder")
    if stage != "encoder":
        for parameter in _used(net, stage, height, width):
            parameter.requires_grad_(False)
    return [
        module
        for module in net.encoder.modules()
        if any(True for _ in module.parameters()) and not any(p.requires_grad for p in module.parameters())
    ]


def _used(net: PerceptionNet, stage: str, height: int, width: int) -> list[nn.Parameter]:
    """The encoder's parameters that the features at a stride depend on: those that get a gradient from them."""
    training = net.training
    net.eval()
    features = net.encoder(torch.zeros(1, 3, height, width))
    net.train(training)
    maps = list(features.values()) if isinstance(features, dict) else list(features)
    by_stride = {str(round(width / found.shape[-1])): found for found in maps if found.grad_fn is not None}
    if stage not in by_stride:
        raise LearningError(
            f"There is nothing to freeze up to {stage!r}; this encoder has features at the strides "
            f"{', '.join(by_stride)}; wanted one of them, or 'encoder' for all of it."
        )
    parameters = list(net.encoder.parameters())
    gradients = torch.autograd.grad(by_stride[stage].sum(), parameters, allow_unused=True)
    return [parameter for parameter, gradient in zip(parameters, gradients, strict=True) if gradient is not None]


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".onnx":
            model, prefix = onnx.load(path), IN_MODEL_FILE
            weights = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in model.graph.initializer}
        else:
            weights, prefix = torch.load(path, map_location="cpu", weights_only=True)["state_dict"], IN_CHECKPOINT
    except Exception as error:  # onnx, protobuf, pickle and torch have many of their own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LearningError(f"{path} can't be started from: {reason}") from None
    return {name.removeprefix(prefix): value for name, value in weights.items()}
