"""Multi-branch convolution of Devineau et al. 2018, "Deep Learning for Hand Gesture Recognition on Skeletal Data"."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_POOLINGS = 3


class MultiBranch(nn.Module):
    """Looks at each channel by itself in three branches, fine, coarse and plain; dense layers join all channels.

    See `multi_branch`.
    """

    def __init__(
        self, channels: int, steps: int, classes: int, shared: bool, features: int, dense: int, dropout: float
    ) -> None:
        super().__init__()
        self.shared = shared
        groups = 1 if shared else channels
        self.branches = nn.ModuleList(_branch(groups, kernel, features) for kernel in (3, 7))
        self.plain = nn.Sequential(*(nn.AvgPool1d(2) for _ in range(_POOLINGS)))
        width = channels * (2 * features + 1) * (steps >> _POOLINGS)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, dense), nn.ReLU(), nn.Dropout(dropout)
        )
        self.classify = nn.Linear(dense, classes)

    def forward(self, series: Tensor) -> Tensor:
        branches = [branch(series.flatten(0, 1).unsqueeze(1) if self.shared else series) for branch in self.branches]
        flat = [branch.reshape(len(series), -1) for branch in branches]
        return self.classify(self.head(torch.cat([*flat, self.plain(series).flatten(1)], 1)))


def multi_branch(
    channels: int,
    steps: int,
    classes: int,
    *,
    shared: bool = False,
    features: int = 4,
    dense: int = 256,
    dropout: float = 0.4,
) -> MultiBranch:
    """Build the network: per channel two branches of three convolutions, with kernels 3 and 7, and a pooling branch.

    Takes series of shape (N, `channels`, `steps`), about -1 to 1; gives logits (N, `classes`). The convolutions of
    all channels have weights of their own, or the same ones where `shared`. The paper's dense layer has 1936 units.
    """
    return MultiBranch(channels, steps, classes, shared, features, dense, dropout)


def _branch(groups: int, kernel: int, features: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = 1
    for number in range(_POOLINGS):
        wider = 2 * features if number == 0 else features
        layers.append(nn.Conv1d(groups * width, groups * wider, kernel, padding=kernel // 2, groups=groups))
        layers += [nn.BatchNorm1d(groups * wider), nn.ReLU(), nn.AvgPool1d(2)]
        width = wider
    return nn.Sequential(*layers)
