"""A simulated drive with perception: what is seen is scored against what the simulator knows, and shown."""

from __future__ import annotations

from pathlib import Path

from tests.perception import painted

from convoy.bags import BagReader
from convoy.evaluation.drive import Drive, drive, launch_arguments
from convoy.evaluation.drive_report import summary, write_report
from convoy_sim.classes import CLASSES


def test_what_is_seen_on_a_drive_is_scored_and_shown(opengl: None, root: Path, tmp_path: Path) -> None:
    names = tuple(entry.name for entry in CLASSES)
    boxed = tuple(names.index(name) for name in ("car", "pedestrian", "sign"))
    changes = {"classes": names, "boxed": boxed, "palette": ()}
    model = painted.write_model(tmp_path / "perception.onnx", "perception", **changes)
    arguments = launch_arguments("expert", 1100, 0, "clear")
    arguments |= {"perception": "true", "perception_model": str(model), "device": "cpu", "cars": "3", "people": "2"}
    driven = drive(Drive(root / "launch/drive.launch.yaml", arguments, 1.0), tmp_path / "out")
    assert driven.failures["/shared_perception"] == 0
    seen = driven.metrics()["perception"]
    assert set(seen) == {"/perception/detections", "/perception/segmentation", "/perception/depth/image"}
    assert seen["/perception/segmentation"]["truth"] == "/camera/segmentation"
    assert seen["/perception/segmentation"]["frames"] == 20
    assert 0 <= seen["/perception/segmentation"]["miou"] < 0.5, "it knows things by three colours"
    assert seen["/perception/depth/image"]["abs_rel"] > 0
    said = summary(driven.metrics())
    assert "/perception/segmentation: mIoU" in said
    assert "/perception/detections: mAP@50" in said or "there was nothing to find in 20 frames" in said
    page = write_report(driven, tmp_path / "out").read_text()
    assert "What was seen, against the truth" in page
    assert page.count("data:image/jpeg") == 2 * len(driven.log.film)
    with BagReader(tmp_path / "out" / "drive.mcap") as bag:
        counts = {name: topic.count for name, topic in bag.topics.items()}
    assert counts["/perception/tracks"] == counts["/camera/segmentation"] == 20
    assert counts["/perception/overlay"] == counts["/perception/depth/points"] == 0
