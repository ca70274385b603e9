"""The detector: boxes in the source image's pixels, whatever the image and the network are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.perception import painted
from tests.perception.painted import CLASSES, GREEN, RED, STAMP, picture, scene

from convoy.errors import ConvoyError
from convoy.graph import ComponentError, Level, check_component
from convoy.graph.bench import Bench
from convoy.inference import CameraInput, CylindricalView
from convoy.interfaces.images import compress
from convoy.interfaces.messages import NANOSECONDS, Header, make, time
from convoy.perception.detection import Detector
from convoy.perception.reports import corners

Active = Callable[..., Bench]


def found(bench: Bench) -> dict[str, tuple[float, ...]]:
    """What was detected in the last image: class and corners."""
    detections = bench.results("detections")[-1].detections
    return {one.results[0].hypothesis.class_id: corners(one.bbox) for one in detections}


def test_boxes_are_in_the_images_pixels_with_its_header(active: Active) -> None:
    bench = active(Detector)
    bench.deliver("image", picture())
    (message,) = bench.results("detections")
    assert (message.header.stamp, message.header.frame_id) == (time(STAMP), "camera")
    assert found(bench) == {"red": RED, "green": GREEN}
    assert [one.results[0].hypothesis.score for one in message.detections] == pytest.approx([0.9, 0.9])
    assert all(one.header.frame_id == "camera" for one in message.detections)


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
@pytest.mark.parametrize(("width", "height"), [(320, 240), (80, 60), (320, 120), (160, 480), (4000, 3000)])
def test_another_size_or_aspect_just_works(tmp_path: Path, resize: str, width: int, height: int) -> None:
    size = CameraInput(width=painted.WIDTH, height=painted.HEIGHT, resize=resize, padding=0)
    path = painted.write_model(tmp_path / "net.onnx", "detection", input=size)
    bench = Bench(Detector("seer", {"model": str(path), "device": "cpu"}), STAMP)
    bench.component.configure()
    bench.component.activate()
    bench.deliver("image", picture(scene(width, height)))
    x, y = width / 160, height / 120
    step = max(width / painted.WIDTH, height / painted.HEIGHT)
    for name, box in (("red", RED), ("green", GREEN)):
        expected = [box[0] * x, box[1] * y, box[2] * x, box[3] * y]
        assert found(bench)[name] == pytest.approx(expected, abs=step if resize == "letterbox" else 1e-3)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8"])
def test_another_encoding_just_works(active: Active, encoding: str, compressed: bool) -> None:
    bench = active(Detector)
    pixels = scene()
    if encoding == "bgr8":
        pixels = np.ascontiguousarray(pixels[..., ::-1])
    elif encoding == "rgba8":
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    header = make(Header, stamp=time(STAMP), frame_id="camera")
    message = compress(pixels, encoding, header, "png") if compressed else picture(pixels, encoding)
    bench.deliver("image", message)
    assert found(bench) == {"red": RED, "green": GREEN}


@pytest.mark.parametrize(
    ("pixels", "encoding"),
    [
        (np.zeros((1, 1, 3), np.uint8), "rgb8"),
        (np.zeros((1, 1000, 3), np.uint8), "rgb8"),
        (np.full((90, 120), 130, np.uint8), "mono8"),
        (np.full((90, 120), 50_000, np.uint16), "mono16"),
    ],
)
def test_a_picture_in_which_nothing_is_found_gives_an_empty_array(
    active: Active, pixels: np.ndarray, encoding: str
) -> None:
    bench = active(Detector)
    bench.deliver("image", picture(pixels, encoding))
    (message,) = bench.results("detections")
    assert all(one.results[0].hypothesis.class_id in CLASSES for one in message.detections)
    assert not bench.reported("Errors", Level.ERROR)
    (overlay,) = bench.results("overlay")
    assert (overlay.height, overlay.width) == pixels.shape[:2]


def test_what_is_no_picture_is_an_error_and_the_next_one_is_answered(active: Active) -> None:
    bench = active(Detector)
    whole = compress(scene(), "rgb8", make(Header, stamp=time(STAMP)))
    whole.data = whole.data[: len(whole.data) // 2]
    bench.deliver("image", whole)
    assert "damaged" in bench.reported("Errors", Level.ERROR)[-1]
    bench.deliver("image", picture(np.ones((9, 9), np.uint16), "16UC1"))
    bench.pass_time(NANOSECONDS)
    assert "16UC1 is no brightness or colour" in bench.reported("Errors")[-1]
    assert bench.results("detections") == []
    bench.pass_time(NANOSECONDS)
    bench.deliver("image", picture())
    assert found(bench) == {"red": RED, "green": GREEN}


def test_thresholds_and_classes_may_change_while_it_runs(active: Active) -> None:
    bench = active(Detector, max_iou=0.99)
    bench.deliver("image", picture())
    assert len(bench.results("detections")[-1].detections) == 4, "each is found twice, a little beside"
    for change, count in (
        ({"min_score": 0.8}, 2),
        ({"min_score": 0.95}, 0),
        ({"min_score": 0.1, "max_detections": 3}, 3),
    ):
        bench.component.set_parameters(change)
        bench.deliver("image", picture())
        assert len(bench.results("detections")[-1].detections) == count
    bench.component.set_parameters({"classes": ["green"], "max_iou": 0.5})
    bench.deliver("image", picture())
    assert found(bench) == {"green": GREEN}
    with pytest.raises(ConvoyError, match="knows no class 'gren'; nearest first: green"):
        bench.component.set_parameters({"classes": ["gren"]})


def test_labels_are_told_anew_when_their_threshold_changes(active: Active) -> None:
    bench = active(Detector)
    for change in ({"max_iou": 0.4}, {"min_score": 0.8}, {"min_score": 0.8}):
        bench.component.set_parameters(change)
    with pytest.raises(ConvoyError):
        bench.component.set_parameters({"min_score": 0.7, "classes": ["gren"]})
    bench.component.deactivate()
    bench.component.set_parameters({"min_score": 0.6})
    bench.component.activate()
    assert [labels.threshold for labels in bench.results("labels")] == pytest.approx([0.3, 0.8, 0.6])


def test_classes_are_told_once_and_latched(active: Active) -> None:
    (labels,) = active(Detector).results("labels")
    assert [(one.class_id, one.class_name) for one in labels.class_map] == list(enumerate(CLASSES))
    assert labels.threshold == pytest.approx(0.3)
    assert Detector.labels.qos.durability == "transient_local"


def test_the_overlay_shows_the_boxes_in_their_colours(active: Active) -> None:
    bench = active(Detector)
    bench.deliver("image", picture(np.zeros((120, 160, 3), np.uint8)))
    bench.deliver("image", picture())
    empty, drawn = (image.data.reshape(120, 160, 3) for image in bench.results("overlay"))
    assert not empty.any()
    assert (drawn[GREEN[3] - 1, GREEN[0] : GREEN[2]] == painted.COLOURS[2]).all()
    assert bench.results("overlay")[0].encoding == "rgb8"


def test_what_nobody_listens_to_is_not_made(active: Active, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = active(Detector)
    bench.unheard = {"overlay"}
    bench.deliver("image", picture())
    assert (len(bench.results("detections")), bench.results("overlay")) == (1, [])
    bench.unheard = {"overlay", "detections"}
    monkeypatch.setattr(bench.component.session, "run", lambda *_: pytest.fail("the model runs for nobody"))
    bench.deliver("image", picture())
    assert len(bench.results("detections")) == 1


def test_the_rate_is_limited_by_the_images_stamps(active: Active) -> None:
    bench = active(Detector, max_rate=10.0)
    for number in range(30):
        bench.deliver("image", picture(stamp=STAMP + number * 1_000_000_000 // 30))
    assert len(bench.results("detections")) == 10
    bench.deliver("image", picture(stamp=STAMP - 10**12))
    assert len(bench.results("detections")) == 11, "a bag that starts over is answered at once"


def test_a_detector_for_some_classes_only_names_them_rightly(tmp_path: Path, active: Active) -> None:
    """Its scores have columns for the boxed classes alone."""
    bench = active(Detector, model=str(_boxed(tmp_path)))
    bench.deliver("image", picture())
    assert found(bench) == {"red": RED, "green": GREEN}


def _boxed(folder: Path) -> Path:
    names = ("sky", *CLASSES, "tree")
    changes: dict[str, Any] = {"classes": names, "boxed": (1, 2, 3), "palette": ()}
    return painted.write_model(folder / "boxed.onnx", "detection", **changes)


def test_a_model_of_another_view_or_without_classes_is_refused(tmp_path: Path) -> None:
    view = CylindricalView(painted.WIDTH, painted.HEIGHT, 1.0, 0.3, -0.3)
    for number, (change, reason) in enumerate(
        (
            ({"input": CameraInput.of_view(view)}, "takes .* on a cylinder"),
            ({"classes": (), "palette": ()}, "names 0 classes"),
        )
    ):
        path = painted.write_model(tmp_path / f"{number}.onnx", "detection", **change)
        bench = Bench(Detector("seer", {"model": str(path), "device": "cpu"}), STAMP)
        with pytest.raises(ComponentError, match=f"configure failed: .*{reason}"):
            bench.component.configure()


def test_it_keeps_to_the_contract(model: Callable[[str], Path]) -> None:
    check_component(Detector, {"model": str(model("detection")), "device": "cpu"})
