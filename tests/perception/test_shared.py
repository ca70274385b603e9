"""Shared perception: all topics from one inference, and no more of it than somebody listens to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.perception.painted import MAPPED, camera_info, picture, scene

from convoy.graph import Level, check_component
from convoy.graph.bench import Bench
from convoy.interfaces import cdr
from convoy.perception.depth import DepthEstimator
from convoy.perception.detection import Detector
from convoy.perception.segmentation import Segmenter
from convoy.perception.shared import SharedPerception

Active = Callable[..., Bench]


def test_it_says_what_the_single_components_say(active: Active) -> None:
    shared = active(SharedPerception)
    for cls, outputs in (
        (Detector, ["detections", "labels"]),
        (Segmenter, ["mask"]),
        (DepthEstimator, ["depth", "depth_info", "points"]),
    ):
        single = active(cls)
        for bench in (shared, single):
            bench.sent.clear()
            if "camera_info" in bench.component.inputs:
                bench.deliver("camera_info", camera_info())
            bench.deliver("image", picture(scene(blue=60)))
        for output in outputs:
            assert sent(shared, output) == sent(single, output), output


def test_a_model_of_a_map_tells_the_pose_as_the_relocaliser_does(active: Active, model: Callable[[str], Path]) -> None:
    bench = active(SharedPerception, model=str(model(MAPPED)), base_frame="", max_deviation=50.0)
    bench.deliver("image", picture(scene()))
    (told,) = bench.results("pose")
    assert told.header.frame_id == "map"
    assert len(bench.results("mask")) == 1
    bench.unheard = {"pose"}
    assert bench.component.needed() == {"boxes", "scores", "mask", "depth"}


def test_a_model_without_a_map_tells_no_pose_and_says_nothing_of_it(active: Active) -> None:
    bench = active(SharedPerception)
    bench.deliver("image", picture(scene()))
    assert bench.results("pose") == []
    assert not bench.reported("Relocalisation", Level.OK)


def sent(bench: Bench, output: str) -> list[bytes]:
    return [bytes(cdr.serialize(message)) for message in bench.results(output)]


@pytest.mark.parametrize(
    ("heard", "needed"),
    [
        (set(), set()),
        ({"detections"}, {"boxes", "scores"}),
        ({"mask"}, {"mask"}),
        ({"points"}, {"depth"}),
        ({"depth_info"}, {"depth"}),
        ({"overlay"}, {"boxes", "scores", "mask"}),
        ({"mask", "depth"}, {"mask", "depth"}),
    ],
)
def test_heads_that_nobody_listens_to_are_not_run(active: Active, heard: set[str], needed: set[str]) -> None:
    bench = active(SharedPerception)
    everything = set(SharedPerception.outputs) - {"diagnostics"}
    bench.unheard = everything - heard
    assert bench.component.needed() == needed
    bench.sent.clear()
    bench.deliver("camera_info", camera_info())
    bench.deliver("image", picture())
    assert {message.output for message in bench.sent} - {"diagnostics"} == heard
    assert bench.component.failures == 0


def test_it_keeps_to_the_contract(model: Callable[[str], Path]) -> None:
    examples: dict[str, Any] = {"camera_info": [camera_info(64, 48)] * 4}
    check_component(SharedPerception, {"model": str(model("perception")), "device": "cpu"}, examples)
