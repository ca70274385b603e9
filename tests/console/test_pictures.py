"""What pages are shown of the camera and of perception: only what they ask for, and in the right place."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from convoy.console.protocol import FRAME_HEADER, Kind
from convoy.interfaces.images import compress, encode
from convoy.interfaces.messages import CompressedImage, Header, String, make, message_class
from convoy.interfaces.messages import time as stamp

from .conftest import Page, Robot

TRIES = 50


def header() -> Any:
    return make(Header, stamp=stamp(time.time_ns()))


def detections(*boxes: tuple[str, float, float, float, float]) -> Any:
    """Boxes by name, centre and size in pixels of the camera's picture."""
    kinds = {name: message_class(f"vision_msgs/msg/{name}") for name in (
        "BoundingBox2D", "Detection2D", "Detection2DArray", "ObjectHypothesis", "ObjectHypothesisWithPose", "Point2D",
        "Pose2D",
    )}  # fmt: skip
    found = []
    for name, x, y, width, height in boxes:
        centre = make(kinds["Pose2D"], position=make(kinds["Point2D"], x=x, y=y))
        hypothesis = make(kinds["ObjectHypothesis"], class_id=name, score=0.9)
        box = make(kinds["BoundingBox2D"], center=centre, size_x=width, size_y=height)
        results = [make(kinds["ObjectHypothesisWithPose"], hypothesis=hypothesis)]
        found.append(make(kinds["Detection2D"], results=results, bbox=box))
    return make(kinds["Detection2DArray"], header=header(), detections=found)


def file_of(page: Page, kind: Kind, put: Callable[[], None]) -> np.ndarray:
    """Put something in until the page is sent a picture of a kind; returns its pixels."""
    for _ in range(TRIES):
        put()
        until = time.monotonic() + 0.2
        # The page is told much else all the time.
        while (left := until - time.monotonic()) > 0:
            try:
                message = page.socket.recv(timeout=left)
            except TimeoutError:
                break
            if not isinstance(message, bytes):
                continue
            found, number, _ = FRAME_HEADER.unpack_from(message)
            if found == Kind.PICTURE:
                page.send(type="seen", frame=number)
            elif found == kind:
                return cv2.imdecode(np.frombuffer(message[FRAME_HEADER.size :], np.uint8), cv2.IMREAD_UNCHANGED)
    raise AssertionError(f"no {kind.name} came")


def test_a_mask_is_shown_in_colours_and_what_is_unlabelled_is_clear(robot: Robot) -> None:
    page = robot.page()
    page.send(type="watch", overlays=["mask"])
    classes = np.full((32, 64), 255, np.uint8)
    classes[:, :20], classes[:, 20:40] = 1, 2
    shown = file_of(page, Kind.MASK, lambda: robot.put("segmentation", encode(classes, "mono8", header())))
    assert shown.shape == (32, 64, 4)
    assert not np.array_equal(shown[0, 0, :3], shown[0, 30, :3])
    assert shown[0, 0, 3] > 0
    assert shown[0, 50, 3] == 0


@pytest.mark.parametrize(("encoding", "unit"), [("32FC1", 1.0), ("16UC1", 1000.0)])
def test_depth_is_red_when_near_blue_when_far_and_clear_where_unknown(robot: Robot, encoding: str, unit: float) -> None:
    page = robot.page()
    page.send(type="watch", overlays=["depth"])
    metres = np.zeros((32, 64))
    metres[:, :20], metres[:, 20:40] = 1.5, 30.0
    pixels = (metres * unit).astype(np.float32 if encoding == "32FC1" else np.uint16)
    shown = file_of(page, Kind.DEPTH, lambda: robot.put("depth", encode(pixels, encoding, header()))).astype(int)
    (blue, _, red), (far_blue, _, far_red) = shown[5, 5, :3], shown[5, 30, :3]
    assert red > blue
    assert far_blue > far_red
    assert shown[5, 50, 3] == 0


def test_boxes_are_told_in_parts_of_the_picture_however_small_a_page_gets_it(
    make_robot: Callable[..., Robot],
) -> None:
    robot = make_robot(picture_width=64)
    page = robot.page()
    page.send(type="watch", overlays=["boxes"])
    boxes: dict[str, Any] = {}
    for _ in range(TRIES):
        robot.picture(128, 64)
        robot.put("detections", detections(("car", 64.0, 16.0, 32.0, 8.0), ("ghost", float("nan"), 0.0, 1.0, 1.0)))
        try:
            boxes = page.wait_for("boxes", within_s=0.3)
            break
        except TimeoutError:
            continue
    assert boxes["boxes"] == [[0.5, 0.25, 0.25, 0.125, "car", 0.9]]


def test_what_no_page_wants_is_not_made(robot: Robot) -> None:
    page = robot.page()
    robot.picture()
    robot.put("segmentation", encode(np.zeros((32, 64), np.uint8), "mono8", header()))
    robot.put("detections", detections(("car", 1.0, 1.0, 1.0, 1.0)))
    page.wait_for("state", lambda state: state.get("picture") is not None)
    assert robot.console.exchange.mask.peek() is None
    assert robot.console.exchange.boxes.peek() is None


def test_a_picture_that_is_damaged_is_named_and_the_next_one_is_shown(robot: Robot) -> None:
    page = robot.page()
    robot.put("image", make(CompressedImage, header=header(), format="jpeg", data=np.frombuffer(b"no jpeg", np.uint8)))
    status = robot.wait_for("diagnostics", lambda message: any(one.level == 2 for one in message.status)).status
    assert "neither a JPEG nor a PNG" in status[0].message
    robot.put("image", compress(np.zeros((32, 64, 3), np.uint8), "rgb8", header()))
    page.wait_for("state", lambda state: page.frames > 0)


def test_the_way_at_the_next_junction_is_told_until_it_is_left(robot: Robot) -> None:
    page = robot.page()
    robot.put("route", make(String, data="right"))
    page.wait_for("state", lambda state: state.get("turn") == "right")
    robot.put("route", make(String, data="follow"))
    page.wait_for("state", lambda state: state.get("turn") == "")
