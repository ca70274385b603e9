"""DD-Net of Yang et al. 2019, "Make Skeleton-based Action Recognition Model Smaller, Faster and Better"."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class DDNet(nn.Module):
    """Reads the distances between all joints, and the joints' motion at two speeds; see `dd_net`."""

    first: Tensor
    second: Tensor

    def __init__(
        self, joints: int, extra: int, classes: int, filters: int, dropout: float, spatial_dropout: float
    ) -> None:
        super().__init__()
        self.joints = joints
        first, second = torch.triu_indices(joints, joints, offset=1)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        pairs = joints * (joints - 1) // 2
        self.distances = _embedding(pairs, filters, spatial_dropout, halve=True)
        self.slow = _embedding(3 * joints, filters, spatial_dropout, halve=True)
        self.fast = _embedding(3 * joints, filters, spatial_dropout, halve=False)
        self.extra = _embedding(extra, filters, spatial_dropout, halve=True) if extra else None
        self.body = nn.Sequential(
            *_block((4 if extra else 3) * filters, 2 * filters, spatial_dropout),
            nn.MaxPool1d(2),
            *_block(2 * filters, 4 * filters, spatial_dropout),
            nn.MaxPool1d(2),
            *_block(4 * filters, 8 * filters, spatial_dropout),
        )
        self.head = nn.Sequential(
            *_dense(8 * filters, 128, dropout), *_dense(128, 128, dropout), nn.Linear(128, classes)
        )

    def forward(self, series: Tensor) -> Tensor:
        count, steps = len(series), series.shape[2] // 2 * 2
        series = series[:, :, :steps]
        series, extra = series[:, : 3 * self.joints], series[:, 3 * self.joints :]
        points = series.reshape(count, self.joints, 3, steps)
        apart = points[:, self.first] - points[:, self.second]
        distances = torch.sqrt((apart * apart).sum(2) + 1e-8)
        distances = distances - distances.mean((1, 2), keepdim=True)
        slow = functional.pad(series[:, :, 1:] - series[:, :, :-1], (0, 1))
        halved = series[:, :, ::2]
        fast = functional.pad(halved[:, :, 1:] - halved[:, :, :-1], (0, 1))
        features = [self.distances(distances), self.slow(slow), self.fast(fast)]
        if self.extra is not None:
            features.append(self.extra(extra))
        return self.head(self.body(torch.cat(features, 1)).amax(2))


def dd_net(
    channels: int,
    classes: int,
    *,
    extra: int = 0,
    filters: int = 32,
    dropout: float = 0.5,
    spatial_dropout: float = 0.1,
) -> DDNet:
    """Build DD-Net for series whose channels are x, y, z of one joint after the other.

    Takes series of shape (N, `channels` + `extra`, steps), about -1 to 1; gives logits (N, `classes`). The `extra`
    channels, which the paper does not have, are read as they are. The paper has 64 `filters` for its large net and 16
    for its small one; `spatial_dropout` leaves out whole features.

    Raises:
        ValueError: the channels do not come in threes, or there are fewer than two joints.
    """
    if channels % 3 or channels < 6:
        raise ValueError(f"DD-Net reads joints of 3 coordinates, at least two of them; {channels} channels are not.")
    return DDNet(channels // 3, extra, classes, filters, dropout, spatial_dropout)


def _convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [
        nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.LeakyReLU(0.2),
    ]


def _embedding(inputs: int, filters: int, dropout: float, halve: bool) -> nn.Sequential:
    layers = [
        *_convolution(inputs, 2 * filters, 1),
        nn.Dropout1d(dropout),
        *_convolution(2 * filters, filters, 3),
        nn.Dropout1d(dropout),
        *_convolution(filters, filters, 1),
    ]
    return nn.Sequential(*layers, nn.MaxPool1d(2)) if halve else nn.Sequential(*layers)


def _block(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [*_convolution(inputs, outputs, 3), *_convolution(outputs, outputs, 3), nn.Dropout1d(dropout)]


def _dense(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
