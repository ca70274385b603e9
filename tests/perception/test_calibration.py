"""Calibration: known lenses are recovered from rendered boards; what does not make a calibration is refused by name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.perception import rendered
from tests.perception.rendered import FISHEYE, PINHOLE, Lens

from convoy.interfaces.camera_model import CameraModel
from convoy.perception.boards import Board, CalibrationError, Charuco, Chessboard, View
from convoy.perception.calibration import LensModel, calibrate, is_new, undistort

SIZE = (640, 480)
CHESSBOARD = Chessboard(9, 6, 0.025)
CHARUCO = Charuco(8, 6, 0.03, 0.021, "5X5_100")


def seen(lens: Lens, turn: np.ndarray, shift: np.ndarray, name: str, noise_px: float = 0.05) -> View:
    """A chessboard as a perfect detector would find it, but for some noise."""
    rows, columns = np.indices((6, 9))
    board = np.stack([columns, rows, np.zeros_like(rows)], axis=-1).reshape(-1, 3) * 0.025
    centred = (board - board.mean(axis=0))[None]
    project = cv2.fisheye.projectPoints if lens.fisheye else cv2.projectPoints
    image = project(centred, np.asarray(turn, float), np.asarray(shift, float), lens.k, np.array(lens.d))[0].reshape(
        -1, 2
    )
    image = image + np.random.default_rng(len(name)).normal(0, noise_px, image.shape)
    return View(name, board.astype(np.float32), image.astype(np.float32))


def views(lens: Lens, count: int = 12) -> list[View]:
    reach, near, far = (1.0, 0.15, 0.3) if lens.fisheye else (0.3, 0.3, 0.6)
    return [seen(lens, *pose, f"view {i}") for i, pose in enumerate(rendered.poses(count, 2, reach, near, far))]


def difference_px(info: object, lens: Lens, within: float) -> np.ndarray:
    """How far the calibrated camera puts directions from where the true lens has them, over the middle of the image.

    But for a common shift: that is a camera turned by a little, which nobody can tell from a board held elsewhere.
    """
    v, u = np.mgrid[0 : lens.height : 20, 0 : lens.width : 20].astype(float)
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)
    pixels = pixels[np.linalg.norm((pixels - lens.c) / (320, 240), axis=1) < within]
    undistorted = cv2.fisheye.undistortPoints if lens.fisheye else cv2.undistortPoints
    plane = undistorted(pixels[:, None], lens.k, np.array(lens.d))[:, 0]
    found = CameraModel.read(info).project(np.concatenate([plane, np.ones((len(plane), 1))], axis=1))
    off = found - pixels
    return np.linalg.norm(off - off.mean(axis=0), axis=1)


@pytest.mark.parametrize("lens", [PINHOLE, FISHEYE], ids=["pinhole", "fisheye"])
@pytest.mark.parametrize("board", [CHESSBOARD, CHARUCO], ids=["chessboard", "charuco"])
def test_a_known_lens_is_recovered_from_pictures(board: Board, lens: Lens) -> None:
    model: LensModel = "fisheye" if lens.fisheye else "pinhole"
    texture = rendered.chessboard(9, 6) if board is CHESSBOARD else rendered.charuco(8, 6)
    reach, near, far = (0.9, 0.13, 0.25) if lens.fisheye else (0.35, 0.3, 0.5)
    found = [
        view
        for i, pose in enumerate(rendered.poses(16, 1, reach, near, far))
        if (view := board.find(str(i), rendered.picture(lens, texture, *pose, board.square)))
    ]
    assert len(found) >= 12
    result = calibrate(found, SIZE, model)
    fx, fy, cx, cy = result.info.k[[0, 4, 2, 5]]
    assert (fx, fy) == pytest.approx(lens.f, rel=0.003)
    assert (cx, cy) == pytest.approx(lens.c, abs=1.0)
    assert result.error_px < 0.15
    assert difference_px(result.info, lens, within=0.6).max() < 0.3
    assert abs(np.array([fx, fy, cx, cy]) - [*lens.f, *lens.c]).max() < 3 * max(result.deviations)


@pytest.mark.parametrize("lens", [PINHOLE, FISHEYE], ids=["pinhole", "fisheye"])
def test_views_that_do_not_fit_are_dropped_and_named(lens: Lens) -> None:
    good = views(lens)
    shaken = View(
        "shaken", good[3].board, good[3].image + np.random.default_rng(0).normal(0, 6, (54, 2)).astype(np.float32)
    )
    bent = good[5].image.copy()
    bent[::3] += (9, -7)
    result = calibrate(
        [*good[:6], shaken, View("bent", good[5].board, bent), *good[6:]],
        SIZE,
        "fisheye" if lens.fisheye else "pinhole",
    )
    assert set(result.dropped_px) == {"shaken", "bent"}
    assert min(result.dropped_px.values()) > 2
    assert set(result.view_errors_px) == {view.name for view in good}
    assert result.info.k[0] == pytest.approx(lens.f[0], rel=0.003)


@pytest.mark.parametrize("lens", [PINHOLE, FISHEYE], ids=["pinhole", "fisheye"])
def test_too_few_views_are_refused(lens: Lens) -> None:
    with pytest.raises(CalibrationError, match="found in 4 different views; wanted 5 at least"):
        calibrate(views(lens, 4), SIZE, "pinhole")


@pytest.mark.parametrize("lens", [PINHOLE, FISHEYE], ids=["pinhole", "fisheye"])
def test_boards_that_all_face_the_camera_determine_no_focal_length(lens: Lens) -> None:
    rng = np.random.default_rng(0)
    alike = [
        seen(lens, [0.0, 0.0, rng.uniform(-0.5, 0.5)], [*rng.uniform(-0.03, 0.03, 2), 0.3], f"view {i}")
        for i in range(12)
    ]
    with pytest.raises(CalibrationError, match=r"too much alike|No .* camera fits"):
        calibrate(alike, SIZE, "fisheye" if lens.fisheye else "pinhole")


def test_views_of_which_most_contradict_each_other_are_refused() -> None:
    rng = np.random.default_rng(0)
    board = views(PINHOLE, 1)[0].board
    noise = [View(f"view {i}", board, rng.uniform(0, 480, (54, 2)).astype(np.float32)) for i in range(5)]
    with pytest.raises(CalibrationError, match=r"alike|views fit one pinhole camera|No pinhole camera fits"):
        calibrate(noise, SIZE, "pinhole")


def test_undistorting_makes_straight_lines_straight() -> None:
    result = calibrate(views(PINHOLE), SIZE, "pinhole")
    picture = rendered.picture(PINHOLE, rendered.chessboard(9, 6), [0.1, 0.2, 0], [0, 0, 0.27], 0.025)

    def bend(pixels: np.ndarray) -> float:
        view = CHESSBOARD.find("", pixels)
        assert view is not None
        rows = view.image.reshape(6, 9, 2).astype(float)
        return max(np.linalg.svd(row - row.mean(axis=0))[1][1] / 3 for row in rows)

    assert bend(picture) > 0.5
    assert bend(undistort(picture, result.info)) < 0.1


def test_a_view_is_new_when_the_board_has_moved() -> None:
    first, second = views(PINHOLE, 2)
    assert is_new(second, [first], SIZE)
    nudged = View("nudged", first.board, first.image + 3)
    assert not is_new(nudged, [second, first], SIZE)
    part = View("part", first.board[20:], first.image[20:] + 3)
    assert not is_new(part, [first], SIZE), "corners are compared by which they are"
    assert is_new(View("other part", first.board[:20], first.image[:20]), [part], SIZE)


def test_a_chessboard_is_found_whole_or_not_at_all() -> None:
    board = rendered.chessboard(9, 6)
    whole = rendered.picture(PINHOLE, board, [0.3, -0.2, 0.1], [0, 0, 0.4], 0.025)
    view = CHESSBOARD.find("whole", whole)
    assert view is not None
    assert view.board.max(axis=0) == pytest.approx([8 * 0.025, 5 * 0.025, 0])
    assert CHESSBOARD.find("cut", rendered.picture(PINHOLE, board, [0.3, -0.2, 0.1], [0.2, 0, 0.4], 0.025)) is None
    assert CHESSBOARD.find("none", np.full((480, 640), 90, np.uint8)) is None
    assert Chessboard(8, 6, 0.025).find("another", whole) is None


@pytest.mark.parametrize("legacy", [False, True])
def test_a_charuco_board_is_found_in_part_and_in_both_layouts(legacy: bool) -> None:
    board = rendered.charuco(8, 6, legacy=legacy)
    turn, shift = np.array([0.2, -0.3, 0.1]), np.array([0.16, 0.02, 0.35])
    view = CHARUCO.find("cut", rendered.picture(PINHOLE, board, turn, shift, CHARUCO.square))
    assert view is not None
    assert 8 <= len(view.image) < 35
    middle = np.array([4 * 0.03, 3 * 0.03, 0])
    truth, _ = cv2.projectPoints(view.board - middle, turn, shift, PINHOLE.k, np.array(PINHOLE.d))
    assert np.linalg.norm(view.image - truth[:, 0], axis=1).max() < 0.5


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: Chessboard(2, 9, 0.025), "chessboard of 2x9 is too small"),
        (lambda: Chessboard(9, 6, 25), "Fields of 25 m make no chessboard"),
        (lambda: Charuco(8, 6, 0.03, 0.04, "5X5_100"), "Markers of 0.04 m do not fit into fields of 0.03 m"),
        (lambda: Charuco(8, 6, 0.03, 0.02, "5X5_99"), "no dictionary '5X5_99'; nearest first: 5X5_"),
        (lambda: Charuco(20, 16, 0.03, 0.02, "5X5_100"), "has 160 markers, 5X5_100 only 100"),
    ],
)
def test_a_board_that_there_cannot_be_is_refused(make: object, found: str) -> None:
    with pytest.raises(CalibrationError, match=found):
        make()  # type: ignore[operator]
