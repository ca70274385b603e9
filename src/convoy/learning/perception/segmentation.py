"""The class of every pixel."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from convoy.inference import ModelOutput
from convoy.learning.nets.segmentation.compact import CompactSegmentation
from convoy.learning.nets.segmentation.icnet import IcNet
from convoy.learning.nets.segmentation.of_smp import deeplabv3_plus, unet
from convoy.learning.nets.segmentation.of_torchvision import LrAspp, deeplabv3, fcn
from convoy.learning.nets.segmentation.refinenet import RefineNet
from convoy.learning.nets.segmentation.segnet import SegNet
from convoy.learning.perception.task import NetChoice, NetSettings, Task, View

MASK = ModelOutput(name="mask", unit="class", description="(H, W) uint8, index of each pixel's class")
MASK_TOLERANCE = 2e-3
"""Share of the pixels that may differ between torch and the file: where two classes are as good as each other."""


class SegmentationTask(Task):
    """Nets give logits (N, C, H, W), or more channels, which never win."""

    name = "segmentation"
    needs = ("mask",)
    nets: ClassVar = {
        "compact": NetChoice(CompactSegmentation, "compact"),
        "fcn": NetChoice(fcn, "resnet50"),
        "deeplabv3": NetChoice(deeplabv3, "resnet50"),
        "lraspp": NetChoice(LrAspp, "mobilenet_v3_large"),
        "unet": NetChoice(unet, "resnet18"),
        "deeplabv3plus": NetChoice(deeplabv3_plus, "resnet34"),
        "segnet": NetChoice(SegNet, "vgg16_bn"),
        "refinenet": NetChoice(RefineNet, "resnet50"),
        "icnet": NetChoice(IcNet, "resnet50"),
    }
    outputs = (MASK,)
    tolerance: ClassVar = {"mask": MASK_TOLERANCE}
    weighted = True

    def target(self, view: View, settings: NetSettings) -> Tensor:
        assert view.mask is not None  # `needs` saw to it
        return view.mask

    def decode(self, raw: Tensor) -> tuple[Tensor, ...]:
        return (raw.argmax(dim=1).to(torch.uint8)[0],)
