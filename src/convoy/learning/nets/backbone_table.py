"""What the backbones cost."""

from __future__ import annotations

import fnmatch
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convoy.errors import ConvoyError, nearest
from convoy.inference import CameraInput, ModelCard, ModelOutput, Session
from convoy.learning.errors import LearningError
from convoy.learning.export import write_model
from convoy.learning.nets.backbones import OWN, Backbone, backbone, torchvision_names
from convoy.learning.nets.compact import Compact

SIDE_PX = 224
"""Of the picture that costs are stated for."""
FAMILIES = ("legacy_xception", "xception*", "nasnet*", "pnasnet*")
"""Of timm, that are listed beside all of torchvision: Xception (Chollet 2017), and NASNet (Zoph et al. 2018) with the
one that was found sooner (Liu et al. 2018)."""
_RUNS = 5


@dataclass(frozen=True)
class Cost:
    """Of the part of a net that gives features.

    Attributes:
        source: where it is from.
        parameters: millions.
        gflops: for one picture, a multiplication and an addition counted as two.
        cpu_ms: fastest of a few runs of its model file, as the robot would run it; None where there can't be one.
        strides: of its features.
    """

    name: str
    source: str
    parameters: float
    gflops: float
    cpu_ms: float | None
    strides: tuple[int, ...]


def matching(pattern: str) -> list[str]:
    """The names that a pattern such as ``resnet*`` stands for.

    '' is for all of torchvision's, this package's own, and timm's `FAMILIES`.

    Raises:
        LearningError: there are none.
    """
    own = [*OWN, *torchvision_names()]
    if not pattern:
        return [*own, *(name for family in FAMILIES for name in timm.list_models(family))]
    everything = sorted({*own, *timm.list_models()})
    found = fnmatch.filter(everything, pattern)
    if not found:
        raise LearningError(
            f"No backbone is called {pattern!r}; nearest first: {', '.join(nearest(pattern, everything)[:5])}."
        )
    return found


def costs(names: list[str]) -> Iterator[Cost | str]:
    """Measure backbones one after another; of those that can't serve as one, say why instead."""
    ours = set(torchvision_names())
    for name in names:
        try:
            net = backbone(name).eval()
        except LearningError as error:
            yield str(error)
            continue
        picture = torch.rand(1, 3, SIDE_PX, SIDE_PX)
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            net(picture)
        parameters = sum(parameter.numel() for parameter in net.parameters()) / 1e6
        source = "convoy" if name in OWN else "torchvision" if name in ours else "timm"
        gflops = counter.get_total_flops() / 1e9
        yield Cost(name, source, parameters, gflops, _cpu_ms(name, net), tuple(net.strides))


class _Served(nn.Module):
    """Features of one image, (1, H, W, 3) uint8, as a model file gives them."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.net(images.permute(0, 3, 1, 2).float() / 255))


def _cpu_ms(name: str, net: Backbone | Compact) -> float | None:
    spent: list[float] = []

    def measure(session: Session) -> dict[str, dict[str, float]]:
        for _ in range(_RUNS):
            start = time.perf_counter()
            session.run(session.card.input.example)
            spent.append(time.perf_counter() - start)
        return {}

    outputs = tuple(ModelOutput(name=f"stride_{stride}_{place}", unit="") for place, stride in enumerate(net.strides))
    card = ModelCard(
        name=name,
        task="features",
        description="A backbone alone.",
        input=CameraInput(width=SIDE_PX, height=SIDE_PX),
        outputs=outputs,
        licence="",
        revision="",
        command="",
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_model(_Served(net), card, [], Path(folder) / "net.onnx", measure)
    except (ConvoyError, RuntimeError, ValueError):  # no such file can be: an operator, or more than 2 GB of weights
        return None
    return 1000 * min(spent)
