"""What teaches depth: depth itself, or the other picture of a stereo pair."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from convoy.learning.nets.blocks import resize

INVARIANCE = 0.5
"""Share of the error of the whole picture's scale that is forgiven (Eigen et al. 2014)."""
GRADIENT_WEIGHT, BEYOND_WEIGHT = 0.5, 0.2
ALPHA, SMOOTHNESS, CONSISTENCY = 0.85, 0.1, 1.0
"""Share of SSIM in the appearance, and weights beside it (Godard et al. 2017)."""


def scale_invariant(log_depth: Tensor, depth: Tensor) -> dict[str, Tensor]:
    """Compare with known depths (N, H, W) in metres, 0 where unknown; `log_depth` is the logarithm of what was found.

    The scale-invariant error of Eigen et al. 2014, and that of the first derivatives (Eigen & Fergus 2015). Where depth
    is infinite, as the sky's, what is nearer than the farthest known place of the batch is wrong by so much.
    """
    far = depth.isinf()
    depth = depth.masked_fill(far, 0)
    known = depth > 0
    count = known.flatten(1).sum(dim=1).clamp(min=1)
    error = torch.where(known, log_depth - depth.clamp(min=1e-3).log(), 0)
    flat = error.flatten(1)
    scale = flat.pow(2).sum(dim=1) / count - INVARIANCE * (flat.sum(dim=1) / count).pow(2)
    steps = error.diff(dim=2).abs(), error.diff(dim=1).abs()
    both = known[:, :, 1:] & known[:, :, :-1], known[:, 1:] & known[:, :-1]
    total = torch.stack([(step * pair).sum() for step, pair in zip(steps, both, strict=True)]).sum()
    gradient = total / torch.stack([pair.sum() for pair in both]).sum().clamp(min=1)
    nearer = (depth.amax().clamp(min=1e-3).log() - log_depth).clamp(min=0) * far
    beyond = nearer.pow(2).sum() / far.sum().clamp(min=1)
    return {"depth": scale.mean(), "gradient": GRADIENT_WEIGHT * gradient, "beyond": BEYOND_WEIGHT * beyond}


def stereo(disparities: Sequence[Tensor], left: Tensor, right: Tensor) -> dict[str, Tensor]:
    """Compare a rectified stereo pair (N, 3, H, W), warped into each other, at several scales (Godard et al. 2017).

    `disparities` are (N, 2, h, w), of the left and of the right picture, in shares of the width, finest first.
    """
    appearance, smoothness, consistency = [], [], []
    for scale, both in enumerate(disparities):
        height, width = both.shape[-2:]
        pictures = resize(left, height, width), resize(right, height, width)
        of_left, of_right = both[:, :1], both[:, 1:]
        found = warp(pictures[1], -of_left), warp(pictures[0], of_right)
        appearance += [_unlike(warped, picture) for warped, picture in zip(found, pictures, strict=True)]
        smoothness += [
            _rough(one, picture) / 2**scale for one, picture in zip((of_left, of_right), pictures, strict=True)
        ]
        consistency += [
            (warp(of_right, -of_left) - of_left).abs().mean(),
            (warp(of_left, of_right) - of_right).abs().mean(),
        ]
    return {
        "appearance": torch.stack(appearance).sum(),
        "smoothness": SMOOTHNESS * torch.stack(smoothness).sum(),
        "consistency": CONSISTENCY * torch.stack(consistency).sum(),
    }


def warp(maps: Tensor, shift: Tensor) -> Tensor:
    """Take each pixel of maps (N, C, h, w) from as much farther right as `shift` says, (N, 1, h, w), in widths."""
    count, _, height, width = maps.shape
    x = (torch.arange(width, device=maps.device) + 0.5) / width
    y = (torch.arange(height, device=maps.device) + 0.5) / height
    grid = torch.stack(
        ((x.view(1, 1, width) + shift[:, 0]) * 2 - 1, (y.view(1, height, 1) * 2 - 1).expand(count, height, width)),
        dim=-1,
    )
    return functional.grid_sample(maps, grid.to(maps.dtype), padding_mode="border", align_corners=False)


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) in windows of 3x3 pixels, (N, C, h - 2, w - 2)."""
    c1, c2 = 0.01**2, 0.03**2
    mean, other_mean = (functional.avg_pool2d(values, 3, 1) for values in (one, other))
    variance = functional.avg_pool2d(one**2, 3, 1) - mean**2
    other_variance = functional.avg_pool2d(other**2, 3, 1) - other_mean**2
    covariance = functional.avg_pool2d(one * other, 3, 1) - mean * other_mean
    likeness = (2 * mean * other_mean + c1) * (2 * covariance + c2)
    return likeness / ((mean**2 + other_mean**2 + c1) * (variance + other_variance + c2))


def _unlike(found: Tensor, picture: Tensor) -> Tensor:
    structure = ((1 - ssim(found, picture)) / 2).clamp(0, 1).mean()
    return ALPHA * structure + (1 - ALPHA) * (found - picture).abs().mean()


def _rough(disparity: Tensor, picture: Tensor) -> Tensor:
    """Steps of the disparity where the picture has none."""
    total = disparity.new_zeros(())
    for axis in (2, 3):
        step, edge = disparity.diff(dim=axis).abs(), picture.diff(dim=axis).abs().mean(dim=1, keepdim=True)
        total = total + (step * torch.exp(-edge)).mean()
    return total
