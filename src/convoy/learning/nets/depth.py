"""Depth from one picture: an encoder of any kind, a feature pyramid, and a head for each way to teach it."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.nets.backbones import backbone
from convoy.learning.nets.blocks import precisely, resize, resize_like
from convoy.learning.nets.depth_losses import scale_invariant, stereo
from convoy.learning.nets.pyramid import PyramidDecoder, widths_for
from convoy.learning.perception.task import NetSettings, PerceptionNet

NEAREST_M, FARTHEST_M = 0.2, 200.0
TYPICAL_M = 10.0
LARGEST_DISPARITY = 0.3
"""Share of the picture's width (Godard et al. 2017)."""
SCALES = 4
"""Of the pyramid's finest maps, on which a stereo pair teaches."""
_FIRST_DISPARITY = -2.0
"""Before the sigmoid."""


class ConvToOne(nn.Conv2d):
    """A convolution to one channel, as one of each channel alone and the sum of these.

    That is the same but for rounding, and a third of the time: on a CPU sixteen channels come out at once, and fifteen
    of them would be thrown away.
    """

    def forward(self, maps: Tensor) -> Tensor:
        each = functional.conv2d(maps, self.weight.transpose(0, 1), padding=self.padding, groups=self.in_channels)
        return functional.conv2d(each, each.new_ones(1, self.in_channels, 1, 1), self.bias)


class DepthHead(nn.Module):
    """Depth in metres, (N, h, w), from maps: the logarithm is what it learns."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.log = _flat(ConvToOne(width, 1, 3, padding=1), math.log(TYPICAL_M))

    def forward(self, maps: Tensor) -> Tensor:
        """Give the logarithm of the depth."""
        return precisely(self.log, maps)[:, 0].clamp(math.log(NEAREST_M), math.log(FARTHEST_M))


class DepthNet(PerceptionNet):
    """Taught by depth. `forward` gives metres, (N, H, W), as the camera of the settings' focal length would see them.

    Targets are depths (N, H, W) in metres, 0 where unknown.
    """

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        encoder = backbone(settings.backbone, settings.pretrained)
        self.encoder = encoder
        self.decoder = PyramidDecoder(encoder.channels, widths_for(encoder.strides))
        self.depth = DepthHead(self.decoder.widths[0])

    def forward(self, views: Tensor) -> Tensor:
        return self._log_depth(views).exp()

    def loss(self, views: Tensor, targets: Any) -> dict[str, Tensor]:
        return scale_invariant(self._log_depth(views), targets["depth"])

    def _log_depth(self, views: Tensor) -> Tensor:
        fine = self.depth(self.decoder(self.encoder(views))[0])
        return resize(fine[:, None], *views.shape[-2:])[:, 0]


class StereoDepthNet(PerceptionNet):
    """Taught by stereo pairs alone (Godard et al. 2017): from the left picture the disparities of both.

    `forward` gives metres, (N, H, W): baseline x focal length / disparity, by those of the settings. Targets are the
    right pictures, (N, 3, H, W).
    """

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        encoder = backbone(settings.backbone, settings.pretrained)
        self.encoder = encoder
        self.decoder = PyramidDecoder(encoder.channels, widths_for(encoder.strides))
        self.heads = nn.ModuleList(
            _flat(nn.Conv2d(width, 2, 3, padding=1), _FIRST_DISPARITY) for width in self.decoder.widths[:SCALES]
        )
        self._metre_pixels = settings.metre_px
        self._nearest = settings.metre_px / FARTHEST_M

    def forward(self, views: Tensor) -> Tensor:
        finest = self._disparities(views)[0]
        left = resize_like(finest, views)[:, 0] * views.shape[-1]
        return self._metre_pixels / left.clamp(min=self._nearest)

    def loss(self, views: Tensor, targets: Any) -> dict[str, Tensor]:
        return stereo(self._disparities(views), views, targets["right"])

    def _disparities(self, views: Tensor) -> list[Tensor]:
        """(N, 2, h, w) of the left and the right picture, in shares of the width, finest first."""
        maps = self.decoder(self.encoder(views))
        return [
            LARGEST_DISPARITY * precisely(head, found).sigmoid() for head, found in zip(self.heads, maps, strict=False)
        ]


def depth_net(settings: NetSettings) -> PerceptionNet:
    """The net for a loss: 'log' or 'stereo'."""
    return StereoDepthNet(settings) if settings.loss == "stereo" else DepthNet(settings)


def _flat(layer: nn.Conv2d, value: float) -> nn.Conv2d:
    """Let a layer give the same value everywhere until it learns."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, value)
    return layer
