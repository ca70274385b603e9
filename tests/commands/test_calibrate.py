"""``convoy calibrate`` as a user calls it: rendered pictures in, a file that ROS reads out."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.perception import rendered
from tests.perception.rendered import FISHEYE, PINHOLE
from typer.testing import CliRunner, Result

from convoy.bags import BagError, BagWriter
from convoy.commands.calibrate import app
from convoy.interfaces.camera_info_file import read_camera_info
from convoy.interfaces.cdr import serialize
from convoy.interfaces.images import compress
from convoy.interfaces.messages import Header, make
from convoy.perception.boards import CalibrationError

CHESSBOARD = ("--board", "chessboard", "9x6", "--square", 0.025)
CHARUCO = ("--board", "charuco", "8x6", "--square", 0.03, "--marker", 0.021)


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["camera", *(str(argument) for argument in arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten views of a chessboard, one of them twice, and a picture without it."""
    folder = tmp_path_factory.mktemp("pictures")
    board = rendered.chessboard(9, 6)
    for number, pose in enumerate(rendered.poses(10, 1, 0.3, 0.3, 0.6)):
        picture = rendered.picture(PINHOLE, board, *pose, 0.025)
        cv2.imwrite(str(folder / f"{number:02}.png"), picture)
    cv2.imwrite(str(folder / "wall.jpg"), np.full((480, 640), 110, np.uint8))
    cv2.imwrite(str(folder / "zz.png"), picture)
    return folder


def test_a_folder_of_pictures_becomes_a_calibration(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "front.yaml"
    said = call(pictures, *CHESSBOARD, "--out", out, "--name", "front", "--json", tmp_path / "figures.json").stdout
    assert said.startswith("10 views of 12 pictures of 640x480, no board in 1, 1 show it where another does\n")
    info, name = read_camera_info(out)
    assert (name, info.distortion_model, info.width, info.height) == ("front", "plumb_bob", 640, 480)
    assert info.k[[0, 4]] == pytest.approx(PINHOLE.f, rel=0.003)
    assert "fx =" in said
    assert "00.png" in said
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["error_px"] < 0.1
    assert len(figures["views_px"]) == 10
    assert figures["k"] == info.k.tolist()
    undistorted = cv2.imread(str(tmp_path / "front_undistorted.png"))
    assert undistorted.shape == (480, 640, 3)


def test_its_own_undistorted_picture_is_not_taken_for_one_of_the_cameras(pictures: Path) -> None:
    out = pictures / "camera.yaml"
    first = call(pictures, *CHESSBOARD, "--out", out).stdout
    assert (pictures / "camera_undistorted.png").exists()
    assert call(pictures, *CHESSBOARD, "--out", out).stdout == first
    (pictures / "camera_undistorted.png").unlink()


def test_a_bag_of_a_charuco_board_before_a_fisheye(tmp_path: Path) -> None:
    board = rendered.charuco(8, 6)
    header = make(Header, frame_id="camera")
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/front/image_raw/compressed", "sensor_msgs/msg/CompressedImage")
        writer.add_topic("/rear/image_raw", "sensor_msgs/msg/Image")
        for number, pose in enumerate(rendered.poses(10, 3, 0.8, 0.14, 0.25)):
            picture = rendered.picture(FISHEYE, board, *pose, 0.03)
            message = serialize(compress(picture, "mono8", header, "png"))
            writer.write("/front/image_raw/compressed", number * 10**9, bytes(message))
        writer.write("/rear/image_raw", 0, b"")
    out = tmp_path / "front.yaml"
    with pytest.raises(CalibrationError, match=r"has 2 image topics \(/front/.*, /rear/image_raw\); say with --topic"):
        call(tmp_path / "bag", *CHARUCO, "--model", "fisheye", "--out", out)
    said = call(
        tmp_path / "bag", *CHARUCO, "--model", "fisheye", "--out", out, "--topic", "/front/image_raw/compressed"
    ).stdout
    assert "9.000 s" in said or "8.000 s" in said
    info, _ = read_camera_info(out)
    assert info.distortion_model == "equidistant"
    assert info.k[[0, 4]] == pytest.approx(FISHEYE.f, rel=0.005)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--board", "checkers", "9x6", "--square", 0.025), "no board 'checkers'; wanted 'chessboard' or 'charuco'"),
        (("--board", "chessboard", "9", "--square", 0.025), "size is '9'; wanted COLUMNSxROWS"),
        (("--board", "charuco", "8x6", "--square", 0.025), "needs --marker"),
        (CHARUCO, "found in 0 different views; wanted 5 at least"),
        ((*CHESSBOARD, "--topic", "/image"), "is a folder of pictures; a topic is for bags"),
    ],
)
def test_what_cannot_work_is_said(pictures: Path, tmp_path: Path, arguments: tuple[object, ...], found: str) -> None:
    with pytest.raises(CalibrationError, match=found):
        call(pictures, *arguments, "--out", tmp_path / "camera.yaml")
    assert not (tmp_path / "camera.yaml").exists()


def test_pictures_that_are_none_or_no_ones_are_named(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(BagError, match="There is no bag at"):
        call(tmp_path / "nowhere", *CHESSBOARD)
    with pytest.raises(BagError, match="is no bag"):
        call(tmp_path, *CHESSBOARD)
    whole = (pictures / "00.png").read_bytes()
    (tmp_path / "00.png").write_bytes(whole)
    (tmp_path / "01.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CalibrationError, match=r"picture 01.png: .*cut short"):
        call(tmp_path, *CHESSBOARD, "--out", tmp_path / "camera.yaml")
    cv2.imwrite(str(tmp_path / "01.png"), np.zeros((240, 320), np.uint8))
    with pytest.raises(CalibrationError, match=r"picture 01\.png is 320x240, others are 640x480"):
        call(tmp_path, *CHESSBOARD, "--out", tmp_path / "camera.yaml")
