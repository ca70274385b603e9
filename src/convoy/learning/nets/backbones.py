"""Backbones by name, from torchvision and timm: nets that were made to classify, as sources of features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.func import functional_call
from torchvision.models.feature_extraction import create_feature_extractor

from convoy.errors import nearest
from convoy.learning.errors import LearningError
from convoy.learning.nets.blocks import Normalise
from convoy.learning.nets.compact import SIZES, Compact

OWN = tuple(SIZES)
"""This package's own, see `compact`."""
_WITHOUT_MAPS = ("vit_", "swin_", "maxvit")
_PROBE_PX = 256
_FEWEST_PX = 2
_FEWEST_STAGES = 3
_HEADS = ("classifier", "fc", "head", "avgpool")


class Backbone(nn.Module):
    """Features of a net.

    Takes views in 0..1, (N, 3, H, W); gives a list of maps (N, channels[i], h, w), shallow to deep, each about
    1 / strides[i] of the size.

    Attributes:
        name: of the net.
        channels, strides: of the maps.
    """

    def __init__(self, name: str, body: nn.Module, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.name, self.channels, self.strides = name, list(channels), tuple(strides)
        self.normalise = Normalise()
        self.body = body

    def forward(self, views: Tensor) -> list[Tensor]:
        maps: Any = self.body(self.normalise(views))
        return list(maps.values()) if isinstance(maps, dict) else list(maps)


def torchvision_names() -> list[str]:
    """The nets of torchvision that have maps of features."""
    return [name for name in torchvision.models.list_models(torchvision.models) if not name.startswith(_WITHOUT_MAPS)]


def backbone(name: str, pretrained: bool = False, output_stride: int = 32) -> Backbone | Compact:
    """Build a backbone: one of `OWN`, one of torchvision, or else one of timm.

    `pretrained` fetches the published weights. `output_stride` 8 or 16 keeps the last stages' maps larger, by dilation.

    Raises:
        LearningError: there is no net of this name, it has no maps, can't be dilated, or the weights can't be fetched.
    """
    if name in OWN:
        if pretrained or output_stride != 32:
            raise LearningError(f"{name} has no published weights and no dilation.")
        return Compact(name)
    if name in torchvision_names():
        return _of_torchvision(name, pretrained, output_stride)
    return _of_timm(name, pretrained, output_stride)


def levels_at(encoder: Backbone | Compact, strides: Sequence[int]) -> list[int]:
    """Say which of the encoder's maps are those at `strides`.

    Raises:
        LearningError: it has none at one of them.
    """
    if not set(strides) <= set(encoder.strides):
        found, wanted = (", ".join(map(str, some)) for some in (encoder.strides, strides))
        raise LearningError(
            f"This backbone has features at the strides {found}, this net wants {wanted}; "
            "choose another, `convoy models backbones` lists their strides."
        )
    return [encoder.strides.index(stride) for stride in strides]


def _of_torchvision(name: str, pretrained: bool, output_stride: int) -> Backbone:
    options: dict[str, Any] = {}
    if output_stride != 32:
        if name.startswith(("resnet", "resnext", "wide_resnet")):
            options["replace_stride_with_dilation"] = [False, output_stride == 8, True]
        elif name.startswith("mobilenet_v3") and output_stride == 16:
            options["dilated"] = True
        else:
            raise LearningError(f"{name} can't be dilated to a stride of {output_stride}; a resnet can.")
    model = _load(name, lambda: _classifier(name, pretrained, options))
    stages = _stages(model)
    nodes = {layer: str(stride) for stride, (layer, _) in stages.items()}
    channels = [channels for _, channels in stages.values()]
    return Backbone(name, create_feature_extractor(model, nodes), channels, list(stages))


def _classifier(name: str, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    options = dict(options)
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": pretrained, "init_weights": False}
    model: Any = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None, **options)
    if name in ("googlenet", "inception_v3"):
        model.aux_logits, model.transform_input = False, False  # they only help to train the classifier
    return model


def _stages(model: nn.Module) -> dict[int, tuple[str, int]]:
    """By stride the last of the outermost layers that gives maps of this size, and its channels."""
    last: dict[int, tuple[int, str, int]] = {}

    def note(layer: str) -> Any:
        depth = layer.count(".")

        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[-1] != output.shape[-2]:
                return
            size = output.shape[-1]
            # Sizes that differ by a border of a few pixels are one stage.
            stride = 2 ** round(math.log2(_PROBE_PX / size))
            if stride > 1 and size >= _FEWEST_PX and (stride not in last or depth <= last[stride][0]):
                last[stride] = (depth, layer, output.shape[1])

        return hook

    layers = [
        (layer, module)
        for layer, module in model.named_modules()
        if layer and not layer.startswith(_HEADS) and not isinstance(module, nn.AdaptiveAvgPool2d)
    ]
    hooks = [module.register_forward_hook(note(layer)) for layer, module in layers]
    training = model.training
    # Shapes alone, nothing is computed.
    weights = {name: value.to("meta") for name, value in model.state_dict().items()}
    functional_call(model.eval(), weights, (torch.zeros(1, 3, _PROBE_PX, _PROBE_PX, device="meta"),))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return {stride: (layer, channels) for stride, (_, layer, channels) in sorted(last.items())}


def _of_timm(name: str, pretrained: bool, output_stride: int) -> Backbone:
    if not timm.is_model(name):
        close = nearest(name, {*torchvision_names(), *timm.list_models(), *OWN})[:6]
        raise LearningError(
            f"There is no backbone {name!r} in torchvision and timm; nearest first: {', '.join(close)}."
        )
    options: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    model = _load(name, lambda: timm.create_model(name, pretrained=pretrained, features_only=True, **options))
    if getattr(model, "output_fmt", None) not in (None, timm.layers.Format.NCHW):
        raise LearningError(f"{name} gives no maps of channels first; choose a convolutional net.")
    strides = model.feature_info.reduction()
    if len(set(strides)) < _FEWEST_STAGES:
        raise LearningError(f"{name} has features at the strides {strides} only; choose a convolutional net.")
    return Backbone(name, model, model.feature_info.channels(), strides)


def _load(name: str, build: Any) -> Any:
    try:
        return build()
    except OSError as error:  # urllib's and huggingface's are
        raise LearningError(f"The published weights of {name} can't be fetched: {error}.") from None
    except (RuntimeError, TypeError, AttributeError, ValueError) as error:
        raise LearningError(f"{name} can't serve as a backbone: {str(error).splitlines()[0]}") from None
