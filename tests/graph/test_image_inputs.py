"""An input for images takes them raw or compressed, whichever is published."""

from __future__ import annotations

import pytest
from tests.graph.components import SECOND, Watcher, picture

from convoy.graph.bench import Bench


@pytest.fixture
def watcher() -> Bench:
    bench = Bench(Watcher(), now_ns=100 * SECOND)
    bench.component.configure()
    bench.component.activate()
    return bench


@pytest.mark.parametrize("kind", ["raw", "compressed"])
def test_an_image_input_takes_images_raw_or_compressed(watcher: Bench, kind: str) -> None:
    watcher.deliver("image", picture(kind))
    watcher.deliver("watch", picture(kind))
    (image,), (header,) = watcher.component.images, watcher.component.headers
    assert (image.width, image.height, image.header.frame_id, header.frame_id) == (6, 4, kind, kind)


@pytest.mark.parametrize("kinds", [("raw", "compressed"), ("compressed", "raw")])
def test_where_both_are_published_the_first_is_used_until_it_falls_silent(
    watcher: Bench, kinds: tuple[str, str]
) -> None:
    for _ in range(30):
        for kind in kinds:
            watcher.deliver("image", picture(kind))
        watcher.pass_time(SECOND // 20)
    for _ in range(30):
        watcher.deliver("image", picture(kinds[1]))
        watcher.pass_time(SECOND // 20)
    used = [image.header.frame_id for image in watcher.component.images]
    # The first was heard last at 1.45 s, so the second is used from 2.45 s on: at 20 Hz, from its 49th to its 59th.
    assert used == [kinds[0]] * 30 + [kinds[1]] * 11


def test_images_that_cannot_be_read_do_not_keep_the_others_out(watcher: Bench) -> None:
    raw, compressed = watcher.component.inputs["image"].subscriptions()
    broken = picture("raw")
    broken.step = 1
    watcher.deliver(raw, broken)
    watcher.deliver(compressed, picture("compressed"))
    assert [image.header.frame_id for image in watcher.component.images] == ["compressed"]


def test_time_that_jumps_back_lets_either_source_in(watcher: Bench) -> None:
    watcher.deliver("image", picture("raw"))
    watcher.jump(0)
    watcher.deliver("image", picture("compressed"))
    assert len(watcher.component.images) == 2
