"""The segmenter: a class for every pixel of the source image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.perception import painted
from tests.perception.painted import GREEN, RED, STAMP, picture

from convoy.graph import check_component
from convoy.graph.bench import Bench
from convoy.interfaces.messages import time
from convoy.perception.segmentation import Segmenter

Active = Callable[..., Bench]


def expected() -> np.ndarray:
    mask = np.zeros((120, 160), np.uint8)
    for label, box in ((1, RED), (2, GREEN)):
        mask[box[1] : box[3], box[0] : box[2]] = label
    return mask


def test_the_mask_is_of_the_images_size_with_its_header(active: Active) -> None:
    bench = active(Segmenter)
    bench.deliver("image", picture())
    (mask,) = bench.results("mask")
    assert (mask.encoding, mask.width, mask.height, mask.step) == ("mono8", 160, 120, 160)
    assert (mask.header.stamp, mask.header.frame_id) == (time(STAMP), "camera")
    assert (mask.data.reshape(120, 160) == expected()).all()


def test_classes_that_are_not_reported_are_unlabelled(active: Active) -> None:
    bench = active(Segmenter, classes=["green"])
    bench.deliver("image", picture())
    (mask,) = bench.results("mask")
    assert (mask.data.reshape(120, 160) == np.where(expected() == 2, 2, 255)).all()


def test_the_overlay_has_the_colours_of_the_classes(active: Active) -> None:
    bench = active(Segmenter)
    bench.deliver("image", picture())
    (overlay,) = bench.results("overlay")
    pixels = overlay.data.reshape(120, 160, 3)
    assert np.abs(pixels[RED[1], RED[0]].astype(int) - painted.COLOURS[1]).max() <= 1
    assert not pixels[0, 0].any()


def test_the_smallest_picture(active: Active) -> None:
    bench = active(Segmenter)
    bench.deliver("image", picture(np.full((1, 1, 3), painted.COLOURS[2], np.uint8)))
    (mask,) = bench.results("mask")
    assert mask.data.tolist() == [2]


def test_it_keeps_to_the_contract(model: Callable[[str], Path]) -> None:
    check_component(Segmenter, {"model": str(model("segmentation")), "device": "cpu"})
