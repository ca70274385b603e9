"""A drive is the same whichever way it was recorded; what can't be read is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from convoy.bags import BagError, BagWriter
from convoy.errors import ConvoyError
from convoy.interfaces import cdr
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, Header, make, time, type_name
from convoy.learning.errors import LearningError
from convoy.learning.recordings import Drive, open_drive

PERIOD_NS = 50_000_000


def write_tub(folder: Path, count: int = 10) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(count):
        image = np.full((12, 16, 3), number * 20, np.uint8)
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), image)
        rows.append(
            {"_index": number, "cam/image_array": f"{number}.jpg", "user/angle": number / 10, "user/throttle": 0}
        )
    (folder / "catalog_0.catalog").write_text("\n".join(map(json.dumps, rows)))
    manifest = ([], [], {}, {}, {"paths": ["catalog_0.catalog"], "current_index": count, "deleted_indexes": []})
    (folder / "manifest.json").write_text("\n".join(map(json.dumps, manifest)))
    return folder


def write_bag(folder: Path, lag_ns: int = 0, second_camera: bool = False, count: int = 10) -> Path:
    with BagWriter(folder) as bag:
        cameras = ["/camera", "/rear"] if second_camera else ["/camera"]
        for camera in cameras:
            bag.add_topic(camera, "sensor_msgs/msg/Image")
        bag.add_topic("/drive", type_name(AckermannDriveStamped))
        for number in range(count):
            stamp = 1_000_000_000 + number * PERIOD_NS
            pixels = np.full((12, 16, 3), number * 20, np.uint8)
            for camera in cameras:
                bag.write(camera, stamp, cdr.serialize(encode(pixels, "bgr8", Header(time(stamp), "camera"))))
            header = Header(time(stamp + lag_ns), "")
            command = make(AckermannDrive, steering_angle=-0.04 * number)
            bag.write("/drive", stamp, cdr.serialize(AckermannDriveStamped(header, command)))
    return folder


def brightness(drive: Drive, frames: list[int]) -> list[int]:
    return [round(float(pixels.mean())) for pixels in drive.decode(frames)]


def test_reads_a_tub_and_a_bag_alike(tmp_path: Path) -> None:
    for drive in (open_drive(f"tub:{write_tub(tmp_path / 'tub')}"), open_drive(f"bag:{write_bag(tmp_path / 'bag')}")):
        np.testing.assert_allclose(drive.angles, -0.04 * np.arange(10), atol=1e-6)
        assert brightness(drive, [2, 7]) == [40, 140]
        assert drive.name in ("tub", "bag")


def test_splits_by_time(tmp_path: Path) -> None:
    drive = open_drive(f"tub:{write_tub(tmp_path / 'tub')}")
    assert (drive.frames("train"), drive.frames("held-out")) == (range(8), range(8, 10))
    assert drive.frames("all") == range(10)


def test_pairs_each_image_with_the_nearest_command(tmp_path: Path) -> None:
    late = open_drive(f"bag:{write_bag(tmp_path / 'late', lag_ns=2 * PERIOD_NS)}")
    np.testing.assert_allclose(late.angles[:4], [0, 0, 0, -0.04], atol=1e-6)


def test_leaves_out_images_without_a_command_near_them(tmp_path: Path) -> None:
    drive = open_drive(f"bag:{write_bag(tmp_path / 'bag', lag_ns=5 * PERIOD_NS)}")
    assert brightness(drive, [0]) == [60]
    assert len(drive.angles) == 7
    with pytest.raises(LearningError, match="none of 10 images on /camera has one of 10 finite commands on /drive"):
        open_drive(f"bag:{write_bag(tmp_path / 'far', lag_ns=100 * PERIOD_NS)}")


def test_brings_images_to_one_size(tmp_path: Path) -> None:
    drive = open_drive(f"tub:{write_tub(tmp_path / 'tub')}")
    images = np.zeros((2, 6, 8, 3), np.uint8)
    drive.load([1, 9], images)
    assert [round(float(image.mean())) for image in images] == [20, 180]


def test_states_the_licence_beside_the_data(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub")
    assert open_drive(f"tub:{tub}").licence == "not stated"
    (tub / "LICENSE").write_text("MIT License\n\nCopyright")
    assert open_drive(f"tub:{tub}").licence == "MIT License"


@pytest.mark.parametrize("spec", ["tub", "tub:", "csv:x", ""])
def test_names_the_kinds_it_knows(spec: str) -> None:
    with pytest.raises(LearningError, match="wanted tub:DIR, udacity:DIR or bag:DIR"):
        open_drive(spec)


def test_names_a_recording_that_is_not_there(tmp_path: Path) -> None:
    for kind in ("tub", "udacity", "bag"):
        with pytest.raises(BagError, match="nowhere"):
            open_drive(f"{kind}:{tmp_path / 'nowhere'}")


def test_asks_which_camera_is_meant(tmp_path: Path) -> None:
    spec = f"bag:{write_bag(tmp_path / 'bag', second_camera=True)}"
    with pytest.raises(LearningError, match=r"/camera, /rear; choose with --image-topic"):
        open_drive(spec)
    assert len(open_drive(spec, image_topic="/rear").angles) == 10
    with pytest.raises(LearningError, match=r"/drive holds ackermann_msgs/\S+, wanted sensor_msgs/msg/Image"):
        open_drive(spec, image_topic="/drive")
    with pytest.raises(BagError, match=r"no topic '/reer'; it has /rear"):
        open_drive(spec, image_topic="/reer")


def test_lists_the_topics_where_nobody_steers(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/camera", "sensor_msgs/msg/CompressedImage")
        image = compress(np.zeros((4, 4, 3), np.uint8), "bgr8", Header(time(1), ""))
        bag.write("/camera", 1, cdr.serialize(image))
    with pytest.raises(LearningError, match=r"no topic of ackermann_msgs/msg/\w+; it has /camera \(sensor_msgs/"):
        open_drive(f"bag:{tmp_path / 'bag'}")


def test_names_an_image_that_is_damaged(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub")
    image = tub / "images" / "3.jpg"
    content = image.read_bytes()
    image.write_bytes(content[:20] + bytes(len(content) - 22) + content[-2:])
    drive = open_drive(f"tub:{tub}")
    with pytest.raises(ConvoyError, match=r"catalog_0\.catalog:4: .*3\.jpg can't be read"):
        list(drive.decode([3]))


def test_the_bags_of_the_real_drive_equal_its_tub(shared: Path) -> None:
    tub = open_drive(f"tub:{shared / 'rc_tub'}")
    end = open_drive(f"bag:{shared / 'bags' / 'rc_track_end'}")
    held_out = tub.frames("held-out")
    np.testing.assert_array_equal(end.angles, tub.angles[list(held_out)])
    np.testing.assert_array_equal(next(end.decode([159])), next(tub.decode([799])))
    assert tub.licence == "MIT License"


def test_is_read_without_torch() -> None:
    program = "import sys, convoy.learning.recordings, convoy.learning.options; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
