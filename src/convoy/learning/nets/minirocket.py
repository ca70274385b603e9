"""MiniRocket of Dempster et al. 2021: fixed random convolutions, and a linear classifier on how active each one is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_SHARPNESS = 4.0
"""Ridge scores are about -1 and 1; so much makes them logits of sensible confidence."""
_KERNELS = tuple(combinations(range(9), 3))
"""All kernels of length 9 with three weights of 2 and six of -1."""


class MiniRocket(nn.Module):
    """The convolutions and the classifier, as one network; see `minirocket`."""

    def __init__(self, channels: int, parameters: tuple[np.ndarray, ...]) -> None:
        super().__init__()
        counts, indices, dilations, features, biases = parameters
        self.dilations, self.features = dilations.tolist(), features.tolist()
        used = np.split(indices, np.cumsum(counts)[:-1])
        base = -torch.ones(len(_KERNELS), 9)
        for number, kernel in enumerate(_KERNELS):
            base[number, list(kernel)] = 2.0
        thresholds = np.split(biases, np.cumsum(np.repeat(features, len(_KERNELS)))[:-1])
        for turn in range(len(self.dilations)):
            weights = torch.zeros(len(_KERNELS), channels, 9)
            for number in range(len(_KERNELS)):
                weights[number, used[turn * len(_KERNELS) + number]] = base[number]
            own = np.stack(thresholds[turn * len(_KERNELS) : (turn + 1) * len(_KERNELS)])
            self.register_buffer(f"weights_{turn}", weights)
            self.register_buffer(f"thresholds_{turn}", torch.from_numpy(own.astype(np.float32)))
        self.classify: nn.Module = nn.Identity()

    def forward(self, series: Tensor) -> Tensor:
        return self.classify(self.transform(series))

    def transform(self, series: Tensor) -> Tensor:
        """Return for each kernel and threshold the share of the time at which it is exceeded, shape (N, features)."""
        shares = []
        for turn, dilation in enumerate(self.dilations):
            reach = 4 * dilation
            weights, thresholds = getattr(self, f"weights_{turn}"), getattr(self, f"thresholds_{turn}")
            active = functional.conv1d(series, weights, padding=reach, dilation=dilation).unsqueeze(2)
            above = (active > thresholds[None, :, :, None]).float()
            whole, inner = above.mean(3), above[:, :, :, reach:-reach].mean(3)
            # Every other kernel counts only where it lies within the series.
            within = ((torch.arange(len(_KERNELS)) + turn) % 2 == 0)[None, :, None]
            shares.append(torch.where(within, whole, inner).flatten(1))
        return torch.cat(shares, 1)


def minirocket(series: Tensor, labels: Tensor, classes: int, *, kernels: int = 2000, seed: int = 0) -> MiniRocket:
    """Fit MiniRocket to series of shape (N, channels, steps) and their labels, shape (N,).

    The convolutions are those that sktime draws, the classifier is scikit-learn's ridge regression with its strength
    chosen by cross-validation, scaled so that its scores serve as logits.

    Raises:
        ModuleNotFoundError: sktime or numba is missing (extra 'learn').
    """
    from sklearn.linear_model import RidgeClassifierCV  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
    from sktime.transformations.rocket import MiniRocketMultivariate  # type: ignore[import-untyped]

    drawn = MiniRocketMultivariate(num_kernels=kernels, random_state=seed).fit(series.double().numpy())
    net = MiniRocket(series.shape[1], drawn.parameters)
    with torch.no_grad():
        shares = torch.cat([net.transform(part) for part in series.split(64)]).numpy()
    scaler = StandardScaler().fit(shares)
    ridge = RidgeClassifierCV(np.logspace(-3, 5, 17)).fit(scaler.transform(shares), labels.numpy())
    weights, bias = np.zeros((classes, shares.shape[1])), np.full(classes, -1.0)
    coefficients = ridge.coef_ / scaler.scale_
    intercepts = ridge.intercept_ - coefficients @ scaler.mean_
    if len(ridge.classes_) == 2:  # then scikit-learn keeps the second class's scores alone
        coefficients, intercepts = np.stack([-coefficients[0], coefficients[0]]), np.stack([-intercepts, intercepts])
        intercepts = intercepts[:, 0]
    weights[ridge.classes_], bias[ridge.classes_] = coefficients, intercepts
    linear = nn.Linear(shares.shape[1], classes)
    linear.weight.data = torch.from_numpy(weights).float() * _SHARPNESS
    linear.bias.data = torch.from_numpy(bias).float() * _SHARPNESS
    net.classify = linear
    return net
