"""DroNet's ResNet-8 of Loquercio et al. 2018, "DroNet: Learning to Fly by Driving"."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convoy.learning.nets.pilotnet import HEIGHT, WIDTH


class Residual(nn.Module):
    """Two convolutions that halve the picture, beside a shortcut that does; normalised and cut off beforehand."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, features: Tensor) -> Tensor:
        return self.body(features) + self.shortcut(features)


def dronet(*, dropout: float = 0.5, outputs: int = 2) -> nn.Sequential:
    """Build DroNet: a convolution, three residual blocks, and one dense layer that holds all heads.

    Takes float images of shape (N, 3, 66, 200), about -1 to 1; gives (N, `outputs`). The paper's pictures are grey, 200
    pixels wide and high, and its heads two: a steering angle and the logit of a collision.
    """
    layers: list[nn.Module] = [nn.Conv2d(3, 32, 5, stride=2, padding=2), nn.MaxPool2d(3, stride=2, padding=1)]
    layers += [Residual(32, 32), Residual(32, 64), Residual(64, 128)]
    layers += [nn.Flatten(), nn.ReLU(), nn.Dropout(dropout)]
    with torch.no_grad():
        features = nn.Sequential(*layers).eval()(torch.zeros(1, 3, HEIGHT, WIDTH)).shape[1]
    return nn.Sequential(*layers, nn.Linear(features, outputs)).train()  # a training leaves modes as they are
