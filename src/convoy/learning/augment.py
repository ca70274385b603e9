"""Augmentation of batches of camera views, in torch, on the device of the net.

All of it draws from torch's global generator, so that a seeded run repeats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from convoy.inference import CylindricalView


@dataclass(frozen=True)
class Augmentation:
    """How far views are changed, and how the human's angle follows.

    Attributes:
        shift: largest shift to either side, as a share of the image's width: a turn of the camera (yaw).
        shear: largest shift of the bottom row against the top, likewise: the car beside its line.
        shift_rad: change of the steering angle in rad for a shift of the whole width.
        shear_rad: likewise for the shear.
        roll: largest roll of the camera in rad.
        zoom: largest relative change of the scale.
        brightness, contrast, gamma, colour, noise: largest relative changes.
        blur, shadow: shares of the views that get one.
    """

    shift: float = 0.1
    shear: float = 0.1
    shift_rad: float = 0.0
    shear_rad: float = 0.0
    roll: float = 0.03
    zoom: float = 0.05
    brightness: float = 0.15
    contrast: float = 0.3
    gamma: float = 0.3
    colour: float = 0.1
    noise: float = 0.03
    blur: float = 0.3
    shadow: float = 0.3


STEADY_WAY, DAMPING = 1.35, 0.9
"""Wheelbases over which a deviation dies away, and how well damped."""


def recovering(view: CylindricalView, height: float, pitch: float, wheelbase: float) -> Augmentation:
    """Moves views of a camera `height` m above the ground, `pitch` rad nose down, and steers back as a car would.

    A deviation of the heading and one of the place, `d` metres to the left, die away along the road with the angle
    that turns the front wheel of a car of this wheelbase (m) by -(2 * damping * heading + d / way) * wheelbase / way.
    """
    across, up, _, row = view.intrinsics
    horizon = (row - up * math.tan(pitch) + 0.5) / view.height
    way = STEADY_WAY * wheelbase
    by_heading, by_place = 2 * DAMPING * wheelbase / way, wheelbase / way**2
    # At a row below the horizon the ground is `height * up / (rows below it)` away: a shear is a place to the right.
    aside = height * up / across * view.width / view.height
    return Augmentation(
        shift=0.08,
        shear=0.2,
        shift_rad=by_heading * view.horizontal_fov,
        shear_rad=by_heading * view.horizontal_fov * horizon + by_place * aside,
    )


NO_AUGMENTATION = Augmentation(*[0.0] * len(fields(Augmentation)))


def warp(images: Tensor, top: int, size: tuple[int, int], by: Augmentation) -> tuple[Tensor, Tensor]:
    """Cut a randomly moved view out of each image.

    `images` is float, shape (N, C, H, W); the view lies below the first `top` rows and becomes `size`
    (height, width). Returns the views and what to add to each steering angle, in rad, shape (N,).
    """
    count, _, height, width = images.shape
    device = images.device
    rows = (torch.arange(size[0], device=device) + 0.5) / size[0] * (height - top)
    columns = (torch.arange(size[1], device=device) + 0.5) / size[1] * width - width / 2
    shift, shear, roll, zoom, lift = (
        _between(count, limit, device) for limit in (by.shift, by.shear, by.roll, by.zoom, by.shift / 10)
    )
    below, across = rows.view(1, -1, 1), columns.view(1, 1, -1)
    x = (1 + zoom) * (across + roll * below) + (0.5 + shift + shear * below / (height - top)) * width
    y = (1 + zoom) * (below - roll * across) + top + lift * height
    grid = torch.stack((x / width * 2 - 1, y / height * 2 - 1), dim=-1)
    views = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    # A view moved to the right shows a car that has turned, or stands, too far to the right: it must steer left.
    return views, (by.shift_rad * shift + by.shear_rad * shear).view(count)


def photometric(views: Tensor, by: Augmentation) -> Tensor:
    """Change light, colour, sharpness and noise of each view; values stay between 0 and 1, shape (N, 3, H, W)."""
    count, _, height, width = views.shape
    device = views.device

    def share(of: float) -> Tensor:
        return (torch.rand(count, 1, 1, 1, device=device) < of).float()

    def around_one(limit: float, channels: int = 1) -> Tensor:
        return 1 + (torch.rand(count, channels, 1, 1, device=device) * 2 - 1) * limit

    angle = torch.rand(count, 1, 1, 1, device=device) * 2 * torch.pi
    rows = torch.linspace(-1, 1, height, device=device).view(1, 1, -1, 1)
    columns = torch.linspace(-1, 1, width, device=device).view(1, 1, 1, -1)
    edge = columns * angle.cos() + rows * angle.sin() - torch.rand(count, 1, 1, 1, device=device) + 0.5
    darkness = 0.3 + 0.3 * torch.rand(count, 1, 1, 1, device=device)
    views = views * (1 - share(by.shadow) * torch.sigmoid(20 * edge) * darkness)

    views = views.clamp(1e-3, 1) ** around_one(by.gamma)
    mean = views.mean((1, 2, 3), keepdim=True)
    views = (views - mean) * around_one(by.contrast) + mean * around_one(by.brightness)
    views = views * around_one(by.colour, channels=3)
    blurred = torch.rand(count, device=device) < by.blur
    views[blurred] = functional.avg_pool2d(views[blurred], 3, 1, 1, count_include_pad=False)
    strength = by.noise * torch.rand(count, 1, 1, 1, device=device)
    return (views + strength * torch.randn_like(views)).clamp(0, 1)


def _between(count: int, limit: float, device: torch.device) -> Tensor:
    return ((torch.rand(count, device=device) * 2 - 1) * limit).view(count, 1, 1)
