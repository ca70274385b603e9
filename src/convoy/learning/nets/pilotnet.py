"""PilotNet, the steering network of Bojarski et al. 2016, "End to End Learning for Self-Driving Cars"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

HEIGHT, WIDTH = 66, 200
"""Size of the view that the network was designed for, in pixels."""


def pilotnet(
    *, batch_norm: bool = True, dropout: float = 0.0, dense: Sequence[int] = (100, 50, 10), outputs: int = 1
) -> nn.Sequential:
    """Build PilotNet: five convolutions without padding, then dense layers.

    Takes float images of shape (N, 3, 66, 200), about -1 to 1; gives (N, `outputs`). `batch_norm` normalises after
    each convolution and `dropout` is the probability before each dense layer but the last; the paper has neither.
    """
    layers: list[nn.Module] = []
    channels = 3
    for width, kernel, stride in ((24, 5, 2), (36, 5, 2), (48, 5, 2), (64, 3, 1), (64, 3, 1)):
        layers.append(nn.Conv2d(channels, width, kernel, stride, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers.append(nn.ReLU())
        channels = width
    layers.append(nn.Flatten())
    with torch.no_grad():
        features = nn.Sequential(*layers).eval()(torch.zeros(1, 3, HEIGHT, WIDTH)).shape[1]
    for width in dense:
        layers += [nn.Dropout(dropout), nn.Linear(features, width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, outputs)).train()  # a training leaves modes as they are
