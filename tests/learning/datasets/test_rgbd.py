"""Colour, depth and poses of a moving camera, from folders and from bags."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests.learning.datasets.conftest import picture, png

from convoy.bags import BagWriter
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Header, make, message_class, time
from convoy.learning.datasets.bag_recording import BagDrive, record_bag
from convoy.learning.datasets.poses import matrix_of_pose, pose_of_matrix
from convoy.learning.datasets.rgbd import KINECT, blocks, registered
from convoy.learning.datasets.spec import open_dataset
from convoy.learning.errors import LearningError

UNIT = "0 0 0 1"


def tum(folder: Path, poses: list[str], count: int = 3) -> str:
    """Write so many frames at 0.0, 0.1 ... s."""
    for number in range(count):
        picture(folder / f"rgb/{number}.png", 4, 3)
        png(folder / f"depth/{number}.png", np.full((3, 4), 1000 * number, np.uint16))
    for kind in ("rgb", "depth"):
        lines = [f"{number / 10:.3f} {kind}/{number}.png" for number in range(count)]
        (folder / f"{kind}.txt").write_text("\n".join(["# time file", *lines]))
    (folder / "groundtruth.txt").write_text("\n".join(["# time x y z qx qy qz qw", *poses]))
    return f"rgbd:{folder}"


def seven_scenes(folder: Path, count: int) -> str:
    for number in range(count):
        stem = f"frame-{number:06d}"
        picture(folder / f"{stem}.color.jpg", 640, 480)
        png(folder / f"{stem}.depth.png", np.full((480, 640), 2000, np.uint16))
        (folder / f"{stem}.pose.txt").write_text("1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    return f"rgbd:{folder}"


def test_matrices_and_quaternions_are_the_same_poses() -> None:
    random = np.random.default_rng(0)
    for quaternion in (*random.normal(size=(50, 4)), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)):
        unit = np.array(quaternion) / np.linalg.norm(quaternion)
        pose = np.concatenate([random.normal(size=3), unit * (-1 if unit[3] < 0 else 1)])
        matrix = matrix_of_pose(pose)
        np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
        again = pose_of_matrix(matrix)
        np.testing.assert_allclose(matrix_of_pose(again), matrix, atol=1e-12)
    quarter_left = matrix_of_pose([0, 0, 0, 0, 0, np.sqrt(0.5), np.sqrt(0.5)])
    np.testing.assert_allclose(quarter_left[:3, 0], [0, 1, 0], atol=1e-12)


def test_frames_depths_and_poses_are_joined_by_their_times(tmp_path: Path) -> None:
    spec = tum(tmp_path, [f"0.201 3 0 0 {UNIT}", f"0.0 1 0 0 {UNIT}", "0.095 2 0 0 0 0 0 -1.001"])
    found = open_dataset(spec)
    assert [found[number].pose.tolist() for number in range(3)] == [[x, 0, 0, 0, 0, 0, 1] for x in (1, 2, 3)]
    assert found[2].depth.max() == pytest.approx(2.0)
    assert found[0].depth.max() == 0.0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0.1 0 0 0 0 0 0 2", r"line 3: the quaternion \[0.0, 0.0, 0.0, 2.0\] has the length 2, wanted 1"),
        ("0.1 nan 0 0 0 0 0 1", r"line 3: the pose .* is not finite"),
        (f"0.5 0 0 0 {UNIT}", r"has nothing within 0.02 s of rgb/1.png at 0.100000"),
    ],
)
def test_a_wrong_pose_is_named_or_its_frame_left_out(tmp_path: Path, row: str, said: str) -> None:
    spec = tum(tmp_path, [f"0.0 1 0 0 {UNIT}", row, f"0.2 3 0 0 {UNIT}"])
    with pytest.raises(LearningError, match=rf"groundtruth\.txt.*{said}"):
        open_dataset(spec)
    found = open_dataset(spec, missing="skip")
    assert [found[number].pose[0] for number in range(len(found))] == [1, 3]
    assert len(found.report.skipped) == 1
    assert len(open_dataset(spec, want=("depth",))) == 3, "whoever wants no poses needs none"


def test_a_row_that_is_no_pose_is_named(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match=r"groundtruth\.txt, line 2: wanted time x y z qx qy qz qw, found '1 2 3'"):
        open_dataset(tum(tmp_path, ["1 2 3"]))


def test_depth_of_8_bits_is_refused(tmp_path: Path) -> None:
    spec = tum(tmp_path, [f"{n / 10} 0 0 0 {UNIT}" for n in range(3)])
    png(tmp_path / "depth/1.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(LearningError, match=r"1\.png: depth is a PNG file of one channel of 16 bits"):
        open_dataset(spec)[1]


def test_a_kinects_depth_is_registered_to_its_colour() -> None:
    depth = np.zeros((480, 640), np.uint16)
    depth[100:110, 200:220] = 1500
    shown = registered(depth, (640, 480))
    rows, columns = np.nonzero(shown)
    assert set(shown[rows, columns].tolist()) == {1500}
    expected = ((200 - 320) * 0.9 + 314, (219 - 320) * 0.9 + 314, (100 - 240) * 0.9 + 238, (109 - 240) * 0.9 + 238)
    np.testing.assert_allclose((columns.min(), columns.max(), rows.min(), rows.max()), expected, atol=1.0)


def test_seven_scenes_is_a_kinects_unless_a_calibration_says_otherwise(tmp_path: Path, recorded: Path) -> None:
    spec = seven_scenes(tmp_path, 1)
    sample = open_dataset(spec)[0]
    np.testing.assert_array_equal(sample.camera, KINECT)
    assert sample.depth[0, 0] == 0.0, "nothing of the depth camera's picture falls there"
    assert sample.depth[240, 320] == 2.0
    assert sample.pose.tolist() == [5, 0, 0, 0, 0, 0, 1]
    (tmp_path / "camera_info.yaml").write_bytes((recorded / "camera_info.yaml").read_bytes())
    sample = open_dataset(spec)[0]
    assert sample.camera[0, 0] == pytest.approx(32 / math.tan(math.radians(35)))
    assert (sample.depth == 2.0).all()


@pytest.mark.parametrize(
    "matrix", ["1 0 0 0\n0 2 0 0\n0 0 1 0\n0 0 0 1\n", "1 0 0 0\n0 -1 0 0\n0 0 1 0\n0 0 0 1\n", "x"]
)
def test_a_matrix_that_is_no_pose_is_named(tmp_path: Path, matrix: str) -> None:
    found = open_dataset(seven_scenes(tmp_path, 1))
    (tmp_path / "frame-000000.pose.txt").write_text(matrix)
    with pytest.raises(LearningError, match=r"frame-000000\.pose\.txt: "):
        found[0]


def test_parts_of_a_sequence_are_apart_in_time() -> None:
    parts = blocks(300)
    train, val = set(parts["train"]), set(parts["val"])
    assert len(val) == 60
    assert min(abs(a - b) for a in train for b in val) == 3
    runs = sum(number + 1 not in val for number in val)
    assert runs == 2, "two blocks, not single frames among those that are trained with"


def test_the_real_kitchen_opens(shared: Path) -> None:
    found = open_dataset(f"rgbd:{shared / 'kitchen'}#val")
    assert len(found) == 60
    sample = found[30]
    assert 0.3 < np.median(sample.depth[sample.depth > 0]) < 4.0
    assert np.linalg.norm(sample.pose[3:]) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def drive(opengl: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "drive.mcap"
    record_bag(BagDrive(3, seconds=0.5, width=64, height=48, stereo=0.3, transport="png"), path)
    return path


def test_a_simulated_bag_holds_all_that_is_true(drive: Path) -> None:
    found = open_dataset(f"bag:{drive}")
    assert len(found) == 10
    assert "car" in found.classes
    for sample in (found[number] for number in range(len(found))):
        assert sample.image.shape == sample.right.shape == (48, 64, 3)
        assert sample.baseline_m == pytest.approx(0.3)
        assert sample.pose[2] == pytest.approx(1.2), "the camera is above the ground, not base_link"
        assert matrix_of_pose(sample.pose)[2, 1] < -0.9, "its y points down"
        assert sample.depth.shape == sample.mask.shape == sample.instances.shape == (48, 64)
        for box, label, number in zip(sample.boxes, sample.labels, sample.instance_ids, strict=True):
            rows, columns = np.nonzero(sample.instances == number)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (sample.mask[rows, columns] == label).all()
    assert found[0].camera[0, 0] == pytest.approx(32 / math.tan(math.radians(35)))


def test_a_simulated_bag_joins_a_recorded_set(drive: Path, recorded: Path) -> None:
    assert len(open_dataset(f"bag:{drive}", f"folder:{recorded}@5")) == 15


def test_the_same_drive_gives_the_same_bag(drive: Path, tmp_path: Path) -> None:
    record_bag(BagDrive(3, seconds=0.5, width=64, height=48, stereo=0.3, transport="png"), tmp_path / "again.mcap")
    assert (tmp_path / "again.mcap").read_bytes() == drive.read_bytes().replace(b"drive.mcap", b"again.mcap")


def write_bag(path: Path, topics: dict[str, list[object]]) -> str:
    with BagWriter(path) as writer:
        for topic, messages in topics.items():
            writer.add_topic(topic, messages[0].__msgtype__)
            for number, message in enumerate(messages):
                writer.write(topic, number, cdr.serialize(message))
    return f"bag:{path}"


def header(stamp: int) -> Header:
    return make(Header, stamp=time(stamp), frame_id="camera_optical")


def test_what_no_depth_camera_saw_is_zero_and_too_far_is_infinite(tmp_path: Path) -> None:
    image = encode(np.zeros((1, 4, 3), np.uint8), "rgb8", header(5))
    depth = encode(np.array([[np.nan, np.inf, -1.0, 2.5]], np.float32), "32FC1", header(5))
    spec = write_bag(tmp_path / "bag", {"/camera/image_raw": [image], "/camera/depth/image": [depth]})
    assert open_dataset(spec)[0].depth.tolist() == [[0.0, np.inf, 0.0, 2.5]]


def test_numbers_in_a_bags_mask_are_those_of_its_labels(tmp_path: Path) -> None:
    named = message_class("vision_msgs/msg/VisionClass")
    labels = make(
        message_class("vision_msgs/msg/LabelInfo"),
        header=header(1),
        class_map=[make(named, class_id=4, class_name="road"), make(named, class_id=2, class_name="tree")],
    )
    images = [encode(np.zeros((1, 3, 3), np.uint8), "rgb8", header(stamp)) for stamp in (5, 6)]
    masks = [
        encode(np.array([row], np.uint8), "mono8", header(5 + n)) for n, row in enumerate(([4, 2, 255], [4, 3, 2]))
    ]
    topics = {"/camera/image_raw": images, "/camera/segmentation": masks, "/camera/label_info": [labels]}
    found = open_dataset(write_bag(tmp_path / "bag", topics))
    assert found.classes == ("tree", "road")
    assert found[0].mask.tolist() == [[1, 0, 255]]
    with pytest.raises(LearningError, match="/camera/segmentation at 6 ns: the numbers 3 are of no class"):
        found[1]


def test_a_bag_of_several_cameras_wants_one_named(tmp_path: Path) -> None:
    topics = {f"/{side}/image_raw": [encode(np.full((2, 2), 9, np.uint16), "mono16", header(5))] for side in "ab"}
    spec = write_bag(tmp_path / "bag", topics)
    with pytest.raises(LearningError, match=r"/a/image_raw, /b/image_raw; wanted one, name it as in bag:DIR,TOPIC"):
        open_dataset(spec)
    assert len(open_dataset(f"{spec},/b/image_raw")) == 1


def test_the_real_kitchens_bag_opens(shared: Path) -> None:
    sample = open_dataset(f"bag:{shared / 'bags' / 'kitchen'}")[20]
    assert sample.camera[0, 0] == pytest.approx(526, abs=1)
    assert np.linalg.norm(sample.pose[3:]) == pytest.approx(1.0)
