"""Weights of a driving net from the ONNX file that it was exported to: a model is a start for the next training."""

from __future__ import annotations

from collections.abc import Sequence
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

    The net has no batch norm: what that did is made a part of the convolutions' weights.

    Raises:
        ModelError: there is no such file, or it is no model of convoy.
        LearningError: it is of another task or another network.
    """
    net = DrivingNet(dropout, batch_norm=False)
    _copy(path, _layers(net), _layers(net))
    return net


def load_steering(path: Path, dropout: float) -> nn.Sequential:
    """Build the PilotNet of such a model with one output: the angle where no junction is near, by `ANGLE_SCALE`.

    Raises:
        ModelError, LearningError: as `load_weights`.
    """
    net: nn.Sequential = load_weights(path, dropout).net
    commands = net[-1]
    assert isinstance(commands, nn.Linear)
    angle = nn.Linear(commands.in_features, 1)
    with torch.no_grad():
        angle.weight.copy_(commands.weight[:1])
        angle.bias.copy_(commands.bias[:1])
    net[-1] = angle
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


def _copy(path: Path, layers: Sequence[Layer], wanted: Sequence[Layer]) -> None:
    """Fill `layers` with the first weights of a file whose layers are like `wanted`."""
    card = ModelCard.read(path)
    found = _weights(onnx.load(path).graph)
    if card.task != "drive" or [weight.shape for weight, _ in found] != [tuple(each.weight.shape) for each in wanted]:
        raise LearningError(f"{path} is {card.task} by another network; wanted a PilotNet of `convoy train drive`.")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, found, strict=False):
            layer.weight.copy_(torch.from_numpy(weight))
            assert layer.bias is not None  # without batch norm, all have one
            layer.bias.copy_(torch.from_numpy(bias))


def _weights(graph: onnx.GraphProto) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each layer of a graph, in its order; what batch norm does after it is made a part of them."""
    values = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    for node in graph.node:  # equal weights are kept once
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    reader = {name: node for node in graph.node for name in node.input}
    found = []
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.input[1] not in values:
            continue
        weight = values[node.input[1]]
        bias = values[node.input[2]] if len(node.input) > 2 else np.zeros(len(weight), np.float32)
        after = reader.get(node.output[0])
        if after is not None and after.op_type == "BatchNormalization":
            scale, shift, mean, variance = (values[name] for name in after.input[1:5])
            epsilon = next(each.f for each in after.attribute if each.name == "epsilon")
            factor = scale / np.sqrt(variance + epsilon)
            weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
            bias = (bias - mean) * factor + shift
        found.append((weight, bias))
    return found
