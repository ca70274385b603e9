"""Listeners that come while the model runs: no image is lost by that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.perception.painted import picture

from convoy.graph.bench import Bench
from convoy.perception.depth import DepthEstimator
from convoy.perception.detection import Detector
from convoy.perception.image_model import DrawnModel
from convoy.perception.instances import InstanceSegmenter
from convoy.perception.segmentation import Segmenter
from convoy.perception.shared import SharedPerception

Active = Callable[..., Bench]
CASES = [
    (cls, output) for cls in (Detector, InstanceSegmenter, SharedPerception) for output in ("detections", "overlay")
]
CASES += [(Segmenter, "mask"), (Segmenter, "overlay"), (DepthEstimator, "depth"), (DepthEstimator, "overlay")]


@pytest.mark.parametrize(("cls", "heard"), CASES)
def test_one_who_comes_during_an_inference_costs_no_image(active: Active, cls: type[DrawnModel], heard: str) -> None:
    bench = active(cls)
    run = bench.component.loaded.run

    def run_meanwhile(*arguments: Any) -> Any:
        bench.unheard = set()
        return run(*arguments)

    bench.component.loaded.run = run_meanwhile
    bench.unheard = set(cls.outputs) - {"diagnostics", heard}
    for _ in range(2):
        bench.deliver("image", picture())
    assert bench.component.failures == 0
    assert len(bench.results(heard)) == 2
    assert bench.results("overlay"), "of the second image at the latest"
