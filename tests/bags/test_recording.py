"""donkeycar tubs and Udacity logs: read, checked, and made into bags."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.bags import BagError, BagReader, BagWarning, import_recording, read_tub, read_udacity

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
FIRST_MS = 1_600_000_000_000


def tub_record(index: int, **changes: Any) -> dict[str, Any]:
    return {
        "_index": index,
        "_timestamp_ms": FIRST_MS + 50 * index,
        "cam/image_array": f"{index}_cam_image_array_.jpg",
        "user/angle": index / 10,
        "user/throttle": 0.5,
        "user/mode": "user",
    } | changes


def make_tub(path: Path, lines: list[dict[str, Any] | str], deleted: list[int] | None = None) -> Path:
    """Write a tub with two catalogs."""
    (path / "images").mkdir(parents=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    middle = len(texts) // 2
    (path / "catalog_0.catalog").write_text("\n".join(texts[:middle]) + "\n")
    (path / "catalog_1.catalog").write_text("\n".join(texts[middle:]) + "\n")
    for line in lines:
        if isinstance(line, dict) and "cam/image_array" in line:
            (path / "images" / line["cam/image_array"]).write_bytes(JPEG)
    catalogs = {"paths": ["catalog_0.catalog", "catalog_1.catalog"], "deleted_indexes": deleted or []}
    manifest = [["cam/image_array"], ["image_array"], {}, {"created_at": 1.0}, catalogs]
    (path / "manifest.json").write_text("\n".join(json.dumps(line) for line in manifest) + "\n")
    return path


@pytest.fixture(autouse=True)
def _warnings_are_expected_where_they_are_asked_for() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", BagWarning)
        yield


def test_a_tub_is_read_in_si_units(tmp_path: Path) -> None:
    recording = read_tub(make_tub(tmp_path / "tub", [tub_record(index) for index in range(6)], deleted=[2]))
    assert [sample.source for sample in recording.samples] == [
        "catalog_0.catalog:1",
        "catalog_0.catalog:2",
        "catalog_1.catalog:1",
        "catalog_1.catalog:2",
        "catalog_1.catalog:3",
    ]
    last = recording.samples[-1]
    assert last.image == tmp_path / "tub" / "images" / "5_cam_image_array_.jpg"
    assert last.steering_angle == pytest.approx(-0.4 * 0.5)
    assert last.speed == pytest.approx(1.0)
    assert last.stamp_ns == (FIRST_MS + 250) * 1_000_000
    assert recording.skipped == []


def test_angle_speed_and_stamps_of_a_tub_are_set(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [tub_record(index) for index in range(4)], deleted=[1])
    recording = read_tub(tub, rate=20, max_steering_angle=0.5, max_speed=4)
    assert [sample.stamp_ns - FIRST_MS * 1_000_000 for sample in recording.samples] == [0, 100_000_000, 150_000_000]
    assert recording.samples[1].steering_angle == pytest.approx(-0.1)
    assert recording.samples[1].speed == pytest.approx(2)


def test_corrupt_records_of_a_tub_are_skipped_counted_and_named(tmp_path: Path) -> None:
    lines: list[dict[str, Any] | str] = [
        tub_record(0),
        '{"_index": 1, "cam/ima',
        tub_record(2, **{"user/angle": None}),
        tub_record(3, **{"user/angle": float("nan")}),
        "[]",
        tub_record(5),
        tub_record(6),
        tub_record(7),
        tub_record(8, _timestamp_ms="yesterday"),
        tub_record(9),
    ]
    tub = make_tub(tmp_path / "tub", lines)
    (tub / "images" / "5_cam_image_array_.jpg").unlink()
    (tub / "images" / "6_cam_image_array_.jpg").write_bytes(JPEG[:-2] + bytes(500))
    (tub / "images" / "7_cam_image_array_.jpg").write_bytes(b"")
    with pytest.warns(BagWarning, match="8 of 10 records are skipped; catalog_0.catalog:2 .no JSON") as caught:
        recording = read_tub(tub)
    assert str(caught[0].message).endswith("; and 3 more")
    assert [sample.source for sample in recording.samples] == ["catalog_0.catalog:1", "catalog_1.catalog:5"]
    expected = [
        ("catalog_0.catalog:2", "no JSON"),
        ("catalog_0.catalog:3", "user/angle is missing"),
        ("catalog_0.catalog:4", "user/angle is nan"),
        ("catalog_0.catalog:5", "no record with an _index"),
        ("catalog_1.catalog:1", "5_cam_image_array_.jpg: No such file"),
        ("catalog_1.catalog:2", "6_cam_image_array_.jpg is cut off"),
        ("catalog_1.catalog:3", "7_cam_image_array_.jpg is empty"),
        ("catalog_1.catalog:4", "_timestamp_ms is 'yesterday'"),
    ]
    for line, (source, reason) in zip(recording.skipped, expected, strict=True):
        assert line.startswith(f"{source} ({reason}")


def test_a_missing_catalog_is_named(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [tub_record(index) for index in range(4)])
    (tub / "catalog_1.catalog").unlink()
    with pytest.warns(BagWarning, match=r"catalog_1.catalog \(No such file or directory\)"):
        assert len(read_tub(tub).samples) == 2


def test_what_is_no_tub_is_refused_with_what_a_tub_looks_like(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"missing is no donkeycar tub: there is no such folder; a tub is a folder with"):
        read_tub(tmp_path / "missing")
    make_tub(tmp_path / "car" / "data", [tub_record(0), tub_record(1)])
    with pytest.raises(BagError, match=r"manifest.json is missing; .* Was .*car/data meant"):
        read_tub(tmp_path / "car")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "meta.json").touch()
    with pytest.raises(BagError, match=r"version 1; .*convert_to_tub_v2.py"):
        read_tub(tmp_path / "old")
    broken = make_tub(tmp_path / "broken", [tub_record(0)])
    (broken / "manifest.json").write_text("[]\n{}\n")
    with pytest.raises(BagError, match=r"last line of .*manifest.json names no catalogs"):
        read_tub(broken)
    empty = make_tub(tmp_path / "empty", [tub_record(0, **{"user/throttle": "fast"})])
    with pytest.raises(BagError, match=r"no record that can be read; catalog_1.catalog:1 .user/throttle is 'fast'"):
        read_tub(empty)


def test_a_tub_becomes_a_bag(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [tub_record(index) for index in range(10)])
    done: list[tuple[int, int]] = []
    count = import_recording(read_tub(tub), tmp_path / "bag", lambda *state: done.append(state))
    assert count == 20
    assert done[-1] == (10, 10)
    with BagReader(tmp_path / "bag") as bag:
        assert {name: topic.type for name, topic in bag.topics.items()} == {
            "/camera/image_raw/compressed": "sensor_msgs/msg/CompressedImage",
            "/drive": "ackermann_msgs/msg/AckermannDriveStamped",
        }
        records = list(bag.messages())
        image, drive = (bag.deserialize(record) for record in records[6:8])
        assert [record.log_time_ns for record in records[6:8]] == [(FIRST_MS + 150) * 1_000_000] * 2
        assert (image.header.stamp.sec, image.header.stamp.nanosec) == (1_600_000_000, 150_000_000)
        assert (image.header.frame_id, image.format, bytes(image.data)) == ("camera_optical", "jpeg", JPEG)
        assert drive.header.stamp == image.header.stamp
        assert drive.drive.steering_angle == np.float32(-0.4 * 0.3)
        assert drive.drive.speed == 1.0


def test_stamps_that_go_back_are_refused_with_the_way_out(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [tub_record(0), tub_record(1, _timestamp_ms=FIRST_MS - 2000)])
    with pytest.raises(BagError, match=r"go back by 2.000 s at catalog_1.catalog:1 .*--rate"):
        import_recording(read_tub(tub), tmp_path / "bag")
    assert not (tmp_path / "bag").exists()
    assert import_recording(read_tub(tub, rate=20), tmp_path / "bag") == 4


def test_an_image_that_goes_amid_the_import_is_named(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", [tub_record(0), tub_record(1)])
    recording = read_tub(tub)
    recording.samples[1].image.unlink()
    with pytest.raises(BagError, match=r"1_cam_image_array_.jpg cannot be read: No such file"):
        import_recording(recording, tmp_path / "bag")


def test_the_real_tub_gives_the_recorded_bag(shared: Path, tmp_path: Path) -> None:
    import_recording(read_tub(shared / "rc_tub", rate=20), tmp_path / "bag")
    with BagReader(tmp_path / "bag") as bag, BagReader(shared / "bags" / "rc_track") as recorded:
        assert bag.duration == pytest.approx(799 / 20)
        for topic, field in (("/drive", "drive"), ("/camera/image_raw/compressed", "data")):
            pairs = zip(bag.messages([topic]), recorded.messages([topic]), strict=False)
            for imported, original in pairs:
                ours, theirs = bag.deserialize(imported), recorded.deserialize(original)
                assert np.all(getattr(ours, field) == getattr(theirs, field))
                assert ours.header.frame_id == theirs.header.frame_id


def stamp_name(side: str, number: int) -> str:
    return f"{side}_2016_12_01_13_30_48_{100 * number:03}.jpg"


def make_udacity(path: Path, rows: list[str], cameras: tuple[str, ...] = ("center", "left", "right")) -> Path:
    (path / "IMG").mkdir(parents=True)
    for camera in cameras:
        for number in range(4):
            (path / "IMG" / stamp_name(camera, number)).write_bytes(JPEG + camera.encode())
    (path / "driving_log.csv").write_text("\n".join(rows) + "\n")
    return path


def udacity_row(number: int, folder: str = "IMG/", steering: str = "0.2", speed: str = "10") -> str:
    images = ", ".join(folder + stamp_name(camera, number) for camera in ("center", "left", "right"))
    return f"{images}, {steering}, 1, 0, {speed}"


@pytest.mark.parametrize("heading", [["center,left,right,steering,throttle,brake,speed"], []])
@pytest.mark.parametrize("folder", ["IMG/", "/home/them/run 1/IMG/", "C:\\Users\\Them\\Desktop\\IMG\\"])
def test_a_udacity_log_from_any_machine(tmp_path: Path, heading: list[str], folder: str) -> None:
    path = make_udacity(tmp_path / "log", heading + [udacity_row(number, folder) for number in range(4)])
    recording = read_udacity(path)
    assert recording.samples == read_udacity(path / "driving_log.csv").samples
    assert len(recording.samples) == 4
    sample = recording.samples[1]
    assert sample.image == path / "IMG" / stamp_name("center", 1)
    assert sample.left == path / "IMG" / stamp_name("left", 1)
    assert sample.steering_angle == pytest.approx(-0.2 * math.radians(25))
    assert sample.speed == pytest.approx(4.4704)
    # 2016-12-01 13:30:48.100 UTC
    assert sample.stamp_ns == 1_480_599_048_100_000_000
    assert sample.source == f"driving_log.csv:{2 + len(heading)}"


def test_a_udacity_log_becomes_a_bag_with_three_cameras(tmp_path: Path) -> None:
    path = make_udacity(tmp_path / "log", [udacity_row(number) for number in range(4)])
    assert import_recording(read_udacity(path, rate=10, max_steering_angle=0.5), tmp_path / "bag") == 16
    with BagReader(tmp_path / "bag") as bag:
        assert bag.duration == pytest.approx(0.3)
        left = bag.deserialize(next(bag.messages(["/camera_left/image_raw/compressed"])))
        assert (left.header.frame_id, bytes(left.data)) == ("camera_left_optical", JPEG + b"left")
        drive = bag.deserialize(next(bag.messages(["/drive"])))
        assert drive.drive.steering_angle == np.float32(-0.1)


def test_corrupt_rows_of_a_udacity_log_are_skipped_and_named(tmp_path: Path) -> None:
    rows = [
        udacity_row(0),
        "IMG/a.jpg,0.1",
        udacity_row(1, steering="left"),
        udacity_row(1, speed="inf"),
        udacity_row(1).replace("center_2016", "center_2015"),
        "IMG/nostamp.jpg, , , 0, 0, 0, 0",
        "",
        udacity_row(2),
    ]
    path = make_udacity(tmp_path / "log", rows)
    (path / "IMG" / "nostamp.jpg").write_bytes(JPEG)
    with pytest.warns(BagWarning, match="5 of 7 records are skipped"):
        recording = read_udacity(path)
    expected = [
        "driving_log.csv:2 (2 columns instead of 7",
        "driving_log.csv:3 (steering is 'left')",
        "driving_log.csv:4 (speed is inf)",
        "driving_log.csv:5 (center_2015",
        "driving_log.csv:6 (nostamp.jpg tells no time; give a rate (--rate))",
    ]
    for line, start in zip(recording.skipped, expected, strict=True):
        assert line.startswith(start)
    with pytest.warns(BagWarning, match="4 of 7"):
        assert len(read_udacity(path, rate=10).samples) == 3


def test_a_missing_udacity_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"no driving log at .*: it is a folder with driving_log.csv and the folder IMG"):
        read_udacity(tmp_path)
