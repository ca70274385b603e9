"""What the backbones cost."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator
from dataclasses import dataclass

import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from convoy.errors import nearest
from convoy.learning.errors import LearningError
from convoy.learning.nets.backbones import COMPACT, backbone, torchvision_names

SIDE_PX = 224
"""Of the picture that costs are stated for."""
_RUNS = 3


@dataclass(frozen=True)
class Cost:
    """Of the part of a net that gives features.

    Attributes:
        source: where it is from.
        parameters: millions.
        gflops: for one picture, a multiplication and an addition counted as two.
        cpu_ms: fastest of a few runs of torch, on the threads it is left.
        strides: of its features.
    """

    name: str
    source: str
    parameters: float
    gflops: float
    cpu_ms: float
    strides: tuple[int, ...]


def matching(pattern: str) -> list[str]:
    """The names that a pattern such as ``resnet*`` stands for; '' for all of torchvision's and this package's own.

    Raises:
        LearningError: there are none.
    """
    own = [COMPACT, *torchvision_names()]
    if not pattern:
        return own
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
        counter, spent = FlopCounterMode(display=False), []
        with torch.no_grad():
            with counter:
                net(picture)
            for _ in range(_RUNS):
                start = time.perf_counter()
                net(picture)
                spent.append(time.perf_counter() - start)
        parameters = sum(parameter.numel() for parameter in net.parameters()) / 1e6
        source = "convoy" if name == COMPACT else "torchvision" if name in ours else "timm"
        gflops = counter.get_total_flops() / 1e9
        yield Cost(name, source, parameters, gflops, 1000 * min(spent), tuple(net.strides))
