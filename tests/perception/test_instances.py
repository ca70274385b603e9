"""The instance segmenter: which pixels belong to which thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.perception.painted import GREEN, RED, picture, scene

from convoy.graph import check_component
from convoy.graph.bench import Bench
from convoy.perception.instances import InstanceSegmenter
from convoy.perception.reports import corners

Active = Callable[..., Bench]


def test_every_thing_has_its_number_in_the_mask(active: Active) -> None:
    bench = active(InstanceSegmenter)
    bench.deliver("image", picture())
    (detections,) = bench.results("detections")
    (mask,) = bench.results("instances")
    assert (mask.encoding, mask.width, mask.height) == ("16UC1", 160, 120)
    numbers = mask.data.view(np.uint16).reshape(120, 160)
    by_id = {int(one.id): corners(one.bbox) for one in detections.detections}
    assert sorted(by_id.values()) == [RED, GREEN]
    for number, (x0, y0, x1, y1) in by_id.items():
        rows, columns = np.nonzero(numbers == number)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.abs(np.subtract(box, (x0, y0, x1, y1))).max() <= 2
        assert len(rows) >= 0.9 * (x1 - x0) * (y1 - y0)


def test_a_thing_at_the_edge_of_the_image_is_not_squeezed_into_it(active: Active) -> None:
    bench = active(InstanceSegmenter)
    pixels = np.roll(scene(), -20, axis=1)  # the red thing begins at the left edge
    bench.deliver("image", picture(pixels))
    numbers = bench.results("instances")[0].data.view(np.uint16).reshape(120, 160)
    assert (numbers[32:58, 2:58] == numbers[40, 30]).all()


def test_without_listeners_to_masks_they_are_not_painted(active: Active) -> None:
    bench = active(InstanceSegmenter)
    bench.unheard = {"instances", "overlay"}
    bench.deliver("image", picture())
    assert len(bench.results("detections")) == 1
    assert bench.component.needed() == {"boxes", "scores"}


def test_the_overlay_colours_things_alone(active: Active) -> None:
    bench = active(InstanceSegmenter)
    bench.deliver("image", picture(scene(blue=90)))
    pixels = bench.results("overlay")[0].data.reshape(120, 160, 3)
    assert pixels[100, 20].tolist() == [0, 0, 90], "what is nothing stays as it is"


def test_it_keeps_to_the_contract(model: Callable[[str], Path]) -> None:
    check_component(InstanceSegmenter, {"model": str(model("instances")), "device": "cpu"})
