"""What a graph sees in a bag that holds the truth is scored, as `convoy evaluate` scores models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.perception import painted
from tests.perception.conftest import model
from tests.perception.painted import CLASSES, GREEN, RED, STAMP, camera_info, picture, scene
from tests.perception.test_relocalisation import placed

from convoy.bags import BagReader, BagWriter
from convoy.evaluation.replay import replay
from convoy.evaluation.report import summary, write_report
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Header, make, message_class, time, type_name
from convoy.perception import reports
from convoy.perception.boxes import Found

__all__ = ["model"]

FRAMES = 6
DEPTH_M = 40 / 255 * painted.DEPTH_M
PoseStamped = message_class("geometry_msgs/msg/PoseStamped")


def truth(header: Any, boxes: list[tuple[int, ...]], mask: np.ndarray, depth: np.ndarray) -> dict[str, Any]:
    found = Found(np.array(boxes, np.float32), np.ones(2), np.array([1, 2]), np.arange(2))
    return {
        "/camera/detections": reports.detections(header, found, CLASSES, ["1", "2"]),
        "/camera/segmentation": encode(mask, "mono8", header),
        "/camera/depth/image": encode(depth, "32FC1", header),
    }


@pytest.fixture
def bag(tmp_path: Path) -> Callable[..., Path]:
    """Writes a bag of scenes with the truth; it can be made to err."""

    def write(name: str = "bag", *, shift: int = 0, factor: float = 1.0, names: tuple[str, ...] = CLASSES) -> Path:
        mask = np.zeros((120, 160), np.uint8)
        for label, box in ((1, RED), (2, GREEN)):
            mask[box[1] : box[3], box[0] : box[2]] = label
        depth = scene(blue=40)[..., 2].astype(np.float32) / 255 * painted.DEPTH_M * factor
        boxes = [tuple(edge + shift for edge in box) for box in (RED, GREEN)]
        with BagWriter(tmp_path / name) as writer:
            for number in range(FRAMES):
                stamp = STAMP + number * 50_000_000
                header = make(Header, stamp=time(stamp), frame_id="camera")
                messages = {"/camera/image_raw": encode(scene(blue=40), "rgb8", header)}
                messages |= truth(header, boxes, mask, depth)
                messages["/camera/camera_info"] = camera_info()
                if not number:
                    messages["/camera/label_info"] = reports.label_info(header, names, 0.5)
                for topic, message in messages.items():
                    if not number:
                        writer.add_topic(topic, type_name(message))
                    writer.write(topic, stamp, cdr.serialize(message))
        return tmp_path / name

    return write


def seen(bag: Path, root: Path, model: Path, out: Path) -> dict[str, Any]:
    launch = root / "launch" / "perception.launch.yaml"
    return replay(bag, launch, {"model": str(model), "device": "cpu"}, out).metrics["perception"]


def test_what_is_seen_rightly_has_the_best_figures(
    bag: Callable[..., Path], root: Path, model: Callable[[str], Path], tmp_path: Path
) -> None:
    figures = seen(bag(), root, model("perception"), tmp_path / "out")
    assert set(figures) == {"/detections", "/segmentation", "/depth/image"}
    assert figures["/detections"]["truth"] == "/camera/detections"
    assert figures["/detections"]["map50"] == pytest.approx(1.0)
    assert figures["/segmentation"]["miou"] == pytest.approx(1.0)
    assert figures["/depth/image"]["abs_rel"] < 0.02
    assert {entry["frames"] for entry in figures.values()} == {FRAMES}


def test_what_is_seen_wrongly_has_not(
    bag: Callable[..., Path], root: Path, model: Callable[[str], Path], tmp_path: Path
) -> None:
    wrong = bag(shift=30, factor=0.5, names=("nothing", "green", "red"))
    figures = seen(wrong, root, model("perception"), tmp_path / "out")
    assert figures["/detections"]["map50"] == 0.0
    assert "tells nothing, red, green apart; the truth nothing, green, red" in figures["/segmentation"]["fault"]
    assert figures["/depth/image"]["abs_rel"] == pytest.approx(1.0, abs=0.05)


def test_the_report_and_the_summary_say_it(
    bag: Callable[..., Path], root: Path, model: Callable[[str], Path], tmp_path: Path
) -> None:
    launch = root / "launch" / "perception.launch.yaml"
    result = replay(bag(), launch, {"model": str(model("perception")), "device": "cpu"}, tmp_path / "out")
    assert "/detections: mAP@50 1.000" in summary(result.metrics)
    assert len(result.overlays) == FRAMES, "the film shows what was seen"
    page = write_report(result).read_text()
    assert "What was seen, against the truth" in page
    assert "mIoU 1.000" in page


def test_two_replays_give_the_same_bytes_and_hold_neither_overlays_nor_clouds(
    bag: Callable[..., Path], root: Path, model: Callable[[str], Path], tmp_path: Path
) -> None:
    path = bag()
    for name in ("one", "two"):
        seen(path, root, model("perception"), tmp_path / name)
    for file in ("frames.jsonl", "replay.mcap"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    with BagReader(tmp_path / "one" / "replay.mcap") as reader:
        counts = {name: topic.count for name, topic in reader.topics.items() if topic.count}
    assert {
        name: counts[name] for name in ("/detections", "/segmentation", "/depth/image", "/tracks")
    } == dict.fromkeys(("/detections", "/segmentation", "/depth/image", "/tracks"), FRAMES)
    assert not {"/overlay", "/depth/points"} & set(counts)
    first = json.loads((tmp_path / "one" / "frames.jsonl").read_text().splitlines()[0])["results"]
    assert sorted(one["id"] for one in first["/tracks"]["detections"]) == ["1", "2"]


def test_a_bag_without_truth_has_no_figures(
    drive_bag: Callable[..., Path], root: Path, model: Callable[[str], Path], tmp_path: Path
) -> None:
    assert seen(drive_bag(3), root, model("perception"), tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("mounted", "base_frame", "blue", "said"),
    [
        (True, "base_link", 1, None),
        (False, "", 1, None),
        (False, "", 12, "There was no result."),  # it may be anywhere
        (True, "", 1, "Poses are of the camera, the truth of base_link; pass base_frame:=base_link to compare."),
        (False, "base_link", 1, "Poses are of base_link, the truth of the camera; pass base_frame:= to compare."),
    ],
)
def test_poses_are_compared_with_those_of_the_same_frame(
    mounted: bool,
    base_frame: str,
    blue: int,
    said: str | None,
    root: Path,
    model: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """By its pictures the camera is at 30, 20, 0; the truth is half a metre beside that."""
    with BagWriter(tmp_path / "bag") as writer:
        if mounted:
            tree = placed("camera", "base_link", (2.0, 0.0, 1.0))
            writer.add_topic("/tf_static", type_name(tree))
            writer.write("/tf_static", STAMP - 1, cdr.serialize(tree))
        for number in range(FRAMES):
            stamp = STAMP + number * 50_000_000
            pose = make(PoseStamped, header=make(Header, stamp=time(stamp), frame_id="map"))
            at = pose.pose.position
            at.x, at.y, at.z = (28.0, 20.5, -1.0) if mounted else (30.0, 20.5, 0.0)
            pose.pose.orientation.w = 1.0
            view = picture(np.full((60, 80, 3), (30, 20, blue), np.uint8), stamp=stamp)
            messages = {"/ground_truth/pose": pose, "/camera/image_raw": view}
            for topic, message in messages.items():
                if not number:
                    writer.add_topic(topic, type_name(message))
                writer.write(topic, stamp, cdr.serialize(message))
    arguments = {"model": str(model("relocalisation")), "device": "cpu", "base_frame": base_frame}
    launch = root / "launch" / "relocalisation.launch.yaml"
    figures = replay(tmp_path / "bag", launch, arguments, tmp_path / "out").metrics["perception"]["/pose"]
    assert figures["truth"] == "/ground_truth/pose"
    assert figures.get("fault") == said
    if said is None:
        assert figures["frames"] == FRAMES
        assert figures["median_m"] == pytest.approx(0.5, abs=1e-4)
        assert figures["median_deg"] == pytest.approx(0, abs=0.1)
