"""Blocks that several nets are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_BLOCK, _NEVER = 16, -1e4


class Normalise(nn.Module):
    """From views in 0..1 to the mean and deviation of ImageNet's pictures, which published weights expect."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("deviation", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, views: Tensor) -> Tensor:
        return (views - self.mean) / self.deviation


def conv_bn_relu(ins: int, outs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution that keeps the size but for its stride, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(ins, outs, kernel, stride, dilation * (kernel // 2), dilation, bias=False),
        nn.BatchNorm2d(outs),
        nn.ReLU(inplace=True),
    )


def resize_like(maps: Tensor, like: Tensor) -> Tensor:
    """Bring maps (N, C, h, w) to the height and width of others, bilinearly."""
    return resize(maps, like.shape[-2], like.shape[-1])


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Bring maps (N, C, h, w) to a size, bilinearly."""
    if maps.shape[-2:] == (height, width):
        return maps
    return functional.interpolate(maps, (int(height), int(width)), mode="bilinear", align_corners=False)


def precisely(layer: nn.Module, maps: Tensor) -> Tensor:
    """Apply a last layer in 32 bits where the layers before it were computed in 16: its answers are compared finely."""
    if not torch.is_autocast_enabled(maps.device.type):
        return layer(maps)
    with torch.autocast(maps.device.type, enabled=False):
        return layer(maps.float())


def filled(layer: nn.Module, maps: Tensor) -> Tensor:
    """Apply a layer of classes, and give as many more, which never win, as fill the last sixteen.

    ONNX Runtime keeps channels by eight or sixteen, and takes much longer to part with a number between.
    """
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    more = -layer.out_channels % _BLOCK
    weight = torch.cat([layer.weight, layer.weight.new_zeros(more, *layer.weight.shape[1:])])
    return functional.conv2d(maps, weight, torch.cat([layer.bias, layer.bias.new_full((more,), _NEVER)]))
