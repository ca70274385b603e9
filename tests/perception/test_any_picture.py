"""Whatever arrives as a picture, every component answers in its size, or says what is wrong and answers the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.perception import painted
from tests.perception.painted import STAMP, camera_info, picture, scene

from convoy.graph import Component, Level
from convoy.graph.bench import Bench
from convoy.interfaces.images import compress
from convoy.interfaces.messages import NANOSECONDS, Header, make, time
from convoy.perception.depth import DepthEstimator
from convoy.perception.detection import Detector
from convoy.perception.instances import InstanceSegmenter
from convoy.perception.relocalisation import Relocaliser
from convoy.perception.segmentation import Segmenter
from convoy.perception.shared import SharedPerception

Active = Callable[..., Bench]
MAPS = {Segmenter: ["mask"], InstanceSegmenter: ["instances"], DepthEstimator: ["depth"]}
MAPS[SharedPerception] = [*MAPS[Segmenter], *MAPS[DepthEstimator]]
PICTURES = {
    "1x1": (np.zeros((1, 1, 3), np.uint8), "rgb8"),
    "one row": (np.zeros((1, 500, 3), np.uint8), "rgb8"),
    "4000x3000": (scene(4000, 3000), "rgb8"),
    "grey": (np.full((90, 120), 130, np.uint8), "mono8"),
    "16 bits": (np.full((90, 120), 50_000, np.uint16), "mono16"),
}


def awake(active: Active, cls: type[Component]) -> Bench:
    bench = active(cls, base_frame="", max_deviation=1000.0, max_places=1000.0) if cls is Relocaliser else active(cls)
    bench.unheard = {"points", "overlay"} & set(cls.outputs)  # 200 MB, of the large picture
    return bench


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("cls", MAPS, ids=lambda cls: cls.__name__)
def test_maps_are_of_the_pictures_size(active: Active, cls: type[Component], kind: str) -> None:
    bench, (pixels, encoding) = awake(active, cls), PICTURES[kind]
    bench.deliver("image", picture(pixels, encoding))
    for output in MAPS[cls]:
        (map_,) = bench.results(output)
        assert (map_.height, map_.width) == pixels.shape[:2]
    assert not bench.reported("Errors", Level.ERROR)


@pytest.mark.parametrize("kind", PICTURES)
def test_any_picture_has_a_pose(active: Active, kind: str) -> None:
    bench = awake(active, Relocaliser)
    bench.deliver("image", picture(*PICTURES[kind]))
    (pose,) = bench.results("pose")
    assert np.isfinite(pose.pose.covariance).all()
    assert not bench.reported("Errors", Level.ERROR)


@pytest.mark.parametrize("cls", [Detector, Relocaliser, *MAPS], ids=lambda cls: cls.__name__)
def test_a_truncated_jpeg_is_told_and_the_next_picture_answered(active: Active, cls: type[Component]) -> None:
    bench = awake(active, cls)
    if "camera_info" in bench.component.inputs:
        bench.deliver("camera_info", camera_info())
    half = compress(scene(), "rgb8", make(Header, stamp=time(STAMP)))
    half.data = half.data[: len(half.data) // 2]
    bench.deliver("image", half)
    assert "damaged" in bench.reported("Errors", Level.ERROR)[-1]
    bench.sent.clear()
    bench.pass_time(2 * NANOSECONDS)
    bench.deliver("image", picture())
    assert {message.output for message in bench.sent} - {"diagnostics"}


def test_a_quaternion_of_no_length_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="makes a model with torch (extra 'learn')")

    class Lost(torch.nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, image: object) -> object:
            mean = image.float().mean()  # type: ignore[attr-defined]
            return torch.cat([mean.repeat(3), torch.zeros(4)]), torch.zeros(6) + 0 * mean, torch.ones(1) + 0 * mean

    monkeypatch.setattr(painted, "net", lambda _: Lost())
    path = painted.write_model(tmp_path / "lost.onnx", "relocalisation")
    bench = Bench(Relocaliser("seer", {"model": str(path), "device": "cpu", "base_frame": ""}), STAMP)
    bench.component.configure()
    bench.component.activate()
    bench.deliver("image", picture())
    assert bench.results("pose") == []
    assert "a quaternion of length 0" in bench.reported("Errors", Level.ERROR)[-1]
