"""Weights of a driving net from the ONNX file that it was exported to: a model is a start for the next training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from convoy.inference import ModelCard
from convoy.learning.driving_nets import DrivingNet
from convoy.learning.errors import LearningError


def load_weights(path: Path, dropout: float) -> DrivingNet:
    """Build the net of a model file that `convoy train drive` made with PilotNet.

    What batch norm did is part of the convolutions' weights since the export; the net has none.

    Raises:
        ModelError: there is no such file, or it is no model of convoy.
        LearningError: it is of another task or another network.
    """
    net = DrivingNet(dropout, batch_norm=False)
    _copy(path, _layers(net), _layers(net))
    return net


def load_convolutions(path: Path, net: nn.Module) -> None:
    """Give a PilotNet without batch norm the convolutions of such a model; its dense layers stay as they are.

    Raises:
        ModelError, LearningError: as `load_weights`.
    """
    convolutions = [layer for layer in _layers(net) if isinstance(layer, nn.Conv2d)]
    _copy(path, convolutions, _layers(DrivingNet(0.0, batch_norm=False)))


Layer = nn.Conv2d | nn.Linear


def _layers(net: nn.Module) -> list[Layer]:
    return [layer for layer in net.modules() if isinstance(layer, Layer)]


def _copy(path: Path, layers: list[Layer], wanted: list[Layer]) -> None:
    """Fill `layers` with the first weights of a file whose layers are like `wanted`."""
    card, graph = ModelCard.read(path), onnx.load(path).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = [
        tuple(values[name] for name in node.input[1:3])
        for node in graph.node
        if node.op_type in ("Conv", "Gemm") and all(name in values for name in node.input[1:3])
    ]
    if card.task != "drive" or [weight.shape for weight, _ in found] != [tuple(each.weight.shape) for each in wanted]:
        raise LearningError(f"{path} is {card.task} by another network; wanted a PilotNet of `convoy train drive`.")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, found, strict=False):
            layer.weight.copy_(torch.from_numpy(np.array(weight)))
            assert layer.bias is not None  # without batch norm, all have one
            layer.bias.copy_(torch.from_numpy(np.array(bias)))
