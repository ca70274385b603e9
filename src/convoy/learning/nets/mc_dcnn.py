"""MC-DCNN of Zheng et al. 2014, "Time Series Classification Using Multi-Channels Deep Convolutional Networks"."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def mc_dcnn(
    channels: int,
    steps: int,
    classes: int,
    *,
    filters: Sequence[int] = (8, 8),
    kernel: int = 5,
    dense: int = 256,
    batch_norm: bool = True,
    dropout: float = 0.5,
) -> nn.Sequential:
    """Build MC-DCNN: a tower of 1D convolutions for each channel by itself, then dense layers that all of them share.

    Takes series of shape (N, `channels`, `steps`), about -1 to 1; gives logits (N, `classes`). Each convolution has
    `filters` features per channel and halves the time. The paper has 8 and 4 features, no batch norm, no dropout.
    """
    layers: list[nn.Module] = []
    width = 1
    for features in filters:
        layers.append(
            nn.Conv1d(
                channels * width,
                channels * features,
                kernel,
                padding=kernel // 2,
                groups=channels,
                bias=not batch_norm,
            )
        )
        if batch_norm:
            layers.append(nn.BatchNorm1d(channels * features))
        layers += [nn.ReLU(), nn.MaxPool1d(2)]
        width, steps = features, steps // 2
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * width * steps, dense), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(dense, classes))
