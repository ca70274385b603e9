"""Takes: recorded, listed, shown, trimmed and deleted; and what is said where that does not work."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convoy.bags import BagReader
from convoy.console.errors import ConsoleError
from convoy.console.recording import HUMAN, PICTURE, Recorder
from convoy.console.takes import Takes
from convoy.interfaces.images import compress
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, CompressedImage, Header, make
from convoy.interfaces.messages import time as stamp
from convoy.learning.recordings import open_drive

from .conftest import Page, Robot

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def jpeg(at_ns: int, width: int = 64, height: int = 32) -> Any:
    pixels = np.full((height, width, 3), at_ns // 50_000_000 % 256, np.uint8)
    return compress(pixels, "rgb8", make(Header, stamp=stamp(at_ns)))


def command(at_ns: int, angle: float = 0.1, speed: float = 3.0) -> Any:
    drive = make(AckermannDrive, steering_angle=angle, speed=speed)
    return make(AckermannDriveStamped, header=make(Header, stamp=stamp(at_ns)), drive=drive)


def record(folder: Path, name: str, pictures: int = 20, *, human: bool = True, width: int = 64) -> None:
    """Write a take of 20 pictures a second."""
    recorder = Recorder(folder, name, 1)
    for number in range(pictures):
        at = START + number * SECOND // 20
        recorder.add(PICTURE, at, jpeg(at, width))
        if human:
            recorder.add(HUMAN, at, command(at))
    assert not recorder.finish().failed


def take_of(page: Page, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    files = page.wait_for("files", lambda message: any(fits(take) for take in message["takes"]))
    return next(take for take in files["takes"] if fits(take))


def test_a_drive_is_recorded_and_can_be_trained_on(robot: Robot, tmp_path: Path) -> None:
    page = robot.page()
    page.take_wheel()
    robot.mode("manual")
    page.send(type="record", action="start")
    page.wait_for("state", lambda state: state["recording"])
    for number in range(20):
        robot.picture()
        speed = 0.0 if number < 5 else 3.0
        robot.put("commanded", command(time.time_ns(), 0.01 * number, speed))
        time.sleep(0.03)
    page.wait_for("state", lambda state: state["recording"]["pictures"] >= 15)
    robot.mode("autonomous")
    page.wait_for("state", lambda state: state["mode"] == "autonomous")
    robot.put("commanded", command(time.time_ns(), 0.4))
    page.send(type="record", action="stop")
    take = take_of(page, lambda take: take["pictures"] >= 15)
    assert take["human"] == 15, "standing still, and what the policy does, are not how a person drives"
    assert take["size"] == "64x32"
    drive = open_drive(f"bag:{robot.console.parameters.folder}/takes/{take['name']}", PICTURE, HUMAN)
    assert drive.angles.max() <= 0.2


def test_only_who_has_the_wheel_records(robot: Robot) -> None:
    page = robot.page()
    page.send(type="record", action="start")
    assert "take the wheel" in page.wait_for("refused")["why"]


def test_a_take_of_zero_length_is_not_kept_and_that_is_said(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    page.send(type="record", action="start")
    page.wait_for("state", lambda state: state["recording"])
    page.send(type="record", action="stop")
    files = page.wait_for("files", lambda message: message["last"])
    assert "no picture came" in files["last"]["failed"]
    assert files["takes"] == []


def test_a_jpeg_of_the_camera_is_kept_as_it_is(tmp_path: Path) -> None:
    record(tmp_path, "take-1", pictures=3)
    with BagReader(tmp_path / "take-1") as bag:
        first = bag.deserialize(next(bag.messages([PICTURE])))
    assert bytes(first.data) == bytes(jpeg(START).data)
    assert isinstance(first, CompressedImage)


def test_too_little_room_on_the_disk_is_named_before_anything_is_recorded(make_robot: Callable[..., Robot]) -> None:
    robot = make_robot(least_free_mb=1_000_000)
    page = robot.page()
    page.take_wheel()
    page.send(type="record", action="start")
    last = page.wait_for("files", lambda message: message["last"])["last"]
    assert "disk is full" in last["failed"]
    robot.picture()
    page.wait_for("state", lambda state: state["recording"] is None)


def test_a_disk_that_fills_up_ends_the_take_and_keeps_what_was_before(tmp_path: Path) -> None:
    code = f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from pathlib import Path
        from tests.console.test_takes import PICTURE, Recorder, START, jpeg
        recorder = Recorder(Path({str(tmp_path)!r}), "take-1", 1)
        for number in range(400):
            recorder.add(PICTURE, START + number * 50_000_000, jpeg(START, 320, 160))
            time.sleep(0.002)
        print(recorder.finish())
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, preexec_fn=limit, check=False
    )
    assert "File too large; the" in done.stdout, done.stderr
    (take,) = Takes(tmp_path).list()
    assert 5 < take["pictures"] < 400


def test_takes_are_listed_the_newest_first_without_the_one_being_recorded(tmp_path: Path) -> None:
    takes = Takes(tmp_path)
    assert takes.list() == []
    for name in ("take-1", "take-2", "take-3"):
        record(tmp_path, name)
    assert [take["name"] for take in takes.list("take-3")] == ["take-2", "take-1"]
    assert takes.list()[0] | {"bytes": 0} == {
        "name": "take-3",
        "seconds": 0.95,
        "pictures": 20,
        "human": 20,
        "bytes": 0,
        "size": "64x32",
        "damage": "",
    }


def test_a_take_that_is_damaged_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    record(tmp_path, "take-1")
    file = tmp_path / "take-1/take-1_0.mcap"
    file.write_bytes(file.read_bytes()[:-3000])
    (tmp_path / "take-2").mkdir()
    second, first = Takes(tmp_path).list()
    assert "lost the index" in first["damage"]
    assert first["pictures"] > 0
    assert "no bag" in second["damage"]


def test_its_pictures_are_shown_side_by_side(tmp_path: Path) -> None:
    record(tmp_path, "take-1")
    strip = cv2.imdecode(np.frombuffer(Takes(tmp_path).strip("take-1"), np.uint8), cv2.IMREAD_COLOR)
    assert strip.shape[0] == 72
    assert strip.shape[1] == 10 * 144


def test_trimming_keeps_what_lies_between(tmp_path: Path) -> None:
    record(tmp_path, "take-1", pictures=40)
    takes = Takes(tmp_path)
    takes.strip("take-1")
    takes.trim("take-1", 0.5, 1.0)
    (take,) = takes.list()
    assert (take["pictures"], take["human"]) == (11, 11)
    assert take["seconds"] == pytest.approx(0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["take-1"]
    with pytest.raises(ConsoleError, match="has no picture"):
        takes.trim("take-1", 5.0, 6.0)
    assert takes.list()[0]["pictures"] == 11


def test_a_take_is_deleted_and_no_other_folder_is(tmp_path: Path) -> None:
    record(tmp_path / "takes", "take-1")
    (tmp_path / "precious").mkdir()
    takes = Takes(tmp_path / "takes")
    takes.delete("take-1")
    assert takes.list() == []
    for name in ("take-1", "../precious", "..", ""):
        with pytest.raises(ConsoleError, match="no take"):
            takes.delete(name)
    assert (tmp_path / "precious").is_dir()


def test_pages_trim_and_delete(robot: Robot) -> None:
    folder = Path(robot.console.parameters.folder) / "takes"
    record(folder, "take-1", pictures=40)
    page = robot.page()
    page.take_wheel()
    page.send(type="trim", take="take-1", start=0.0, end=0.5)
    assert take_of(page, lambda take: take["pictures"] < 40)["pictures"] == 11
    page.send(type="trim", take="take-2", start=0.0, end=0.5)
    assert "no take 'take-2'" in page.wait_for("refused")["why"]
    page.send(type="delete", take="take-1")
    page.wait_for("files", lambda message: not message["takes"])


def test_a_camera_that_is_unplugged_while_driving_is_shown_and_the_stop_still_works(robot: Robot) -> None:
    page = robot.page()
    for _ in range(5):
        robot.picture()
        time.sleep(0.1)
    page.wait_for("state", lambda state: state.get("picture", 0) > 0)
    page.wait_for("state", lambda state: state["picture"] == 0)
    page.send(type="stop")
    robot.wait_for("emergency_stop")


def test_a_take_in_which_the_camera_is_unplugged_is_kept_as_far_as_it_came(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    robot.mode("manual")
    page.send(type="record", action="start")
    page.wait_for("state", lambda state: state["recording"])
    for _ in range(12):
        robot.picture()
        robot.put("commanded", command(time.time_ns()))
        time.sleep(0.02)
    page.wait_for("state", lambda state: state["picture"] == 0)
    robot.put("commanded", command(time.time_ns()))
    page.send(type="record", action="stop")
    take = take_of(page, lambda take: take["pictures"] > 0)
    assert take["human"] > 0
    assert take["damage"] == ""


def test_a_take_of_one_picture_is_listed_with_no_length(tmp_path: Path) -> None:
    record(tmp_path, "take-1", pictures=1)
    (take,) = Takes(tmp_path).list()
    assert (take["seconds"], take["pictures"], take["damage"]) == (0.0, 1, "")
    assert Takes(tmp_path).strip("take-1")
