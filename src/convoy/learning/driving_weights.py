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
    card = ModelCard.read(path)
    net = DrivingNet(dropout, batch_norm=False)
    graph = onnx.load(path).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = [
        tuple(values[name] for name in node.input[1:3])
        for node in graph.node
        if node.op_type in ("Conv", "Gemm") and all(name in values for name in node.input[1:3])
    ]
    layers = [layer for layer in net.net if isinstance(layer, nn.Conv2d | nn.Linear)]
    wanted = [tuple(layer.weight.shape) for layer in layers]
    if card.task != "drive" or [weight.shape for weight, _ in found] != wanted:
        raise LearningError(f"{path} is {card.task} by another network; wanted a PilotNet of `convoy train drive`.")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, found, strict=True):
            layer.weight.copy_(torch.from_numpy(np.array(weight)))
            assert layer.bias is not None  # without batch norm, all have one
            layer.bias.copy_(torch.from_numpy(np.array(bias)))
    return net
