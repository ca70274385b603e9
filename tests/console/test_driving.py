"""Driving from the page: whose commands count, how fast a stop is, and what happens when the link is cut."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from convoy.console.component import Console
from convoy.graph import check_component
from convoy.interfaces.messages import nanoseconds

from .conftest import Page, Robot

CUT_WITHIN_S = 0.3


def hold(page: Page, seconds: float, throttle: float = 1.0) -> None:
    """Hold the throttle, 20 times a second."""
    for _ in range(round(seconds * 20)):
        page.drive(0.0, throttle)
        time.sleep(0.05)


def test_it_keeps_the_contract_of_components(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    check_component(Console, {"port": 0, "folder": str(tmp_path)})


def test_a_person_drives_with_stamps_of_the_robots_clock_and_signs_of_life(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    hold(page, 0.6)
    page.drive(0.5, 1.0)
    command = robot.wait_for("drive", lambda message: message.drive.steering_angle > 0.2)
    assert command.drive.steering_angle == pytest.approx(0.5 * robot.console.parameters.max_steering_angle)
    assert 0.5 < command.drive.speed <= 3.0, "the speed rises as fast as 'acceleration' lets it"
    assert abs(time.time_ns() - nanoseconds(command.header.stamp)) < 2e9
    stamps = [nanoseconds(message.header.stamp) for _, message in robot.published("drive")]
    assert stamps == sorted(set(stamps))
    driven = [nanoseconds(message.header.stamp) for _, message in robot.published("drive") if message.drive.speed > 0]
    assert set(driven) <= {nanoseconds(beat.stamp) for _, beat in robot.published("heartbeat")} <= set(stamps)


def test_rest_is_repeated_too_for_silence_means_that_nobody_is_there(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    hold(page, 0.5, throttle=0.0)
    robot.wait_for("drive")
    assert len(robot.published("drive")) >= 4


def test_any_page_stops_the_vehicle_at_once_and_only_the_one_with_the_wheel_releases_it(robot: Robot) -> None:
    driver, watcher = robot.page(), robot.page()
    driver.take_wheel()
    watcher.send(type="stop")
    assert robot.wait_for("emergency_stop").data is True
    watcher.send(type="release", phase="press")
    assert "take it first" in watcher.wait_for("refused")["why"]
    driver.send(type="release", phase="release")
    assert "hold the button" in driver.wait_for("refused")["why"]
    driver.send(type="release", phase="press")
    time.sleep(0.2)
    driver.send(type="release", phase="release")
    assert "hold the button" in driver.wait_for("refused")["why"]
    assert not robot.published("release_emergency_stop")
    driver.send(type="release", phase="press")
    time.sleep(1.0)
    driver.send(type="release", phase="release")
    robot.wait_for("release_emergency_stop")


def test_a_stop_wins_over_a_release_at_the_same_time(robot: Robot) -> None:
    robot.console.exchange.release.set()
    robot.console.exchange.stop.set()
    robot.wait_for("emergency_stop")
    time.sleep(0.1)
    assert not robot.published("release_emergency_stop")


def test_modes_are_asked_for(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    page.send(type="mode", mode="autonomous")
    assert robot.wait_for("mode_request").data == "autonomous"
    robot.mode("autonomous")
    page.wait_for("state", lambda state: state["mode"] == "autonomous")


def test_one_page_drives_and_another_one_asks_for_the_wheel(robot: Robot) -> None:
    first, second = robot.page(), robot.page()
    first.take_wheel()
    second.drive(0.0, 1.0)
    assert "another page has the wheel" in second.wait_for("refused")["why"]
    second.send(type="control", action="take")
    first.wait_for("state", lambda state: state["wheel"]["asked"])
    first.send(type="control", action="refuse")
    second.wait_for("state", lambda state: not state["wheel"]["mine"] and not state["wheel"]["asking"])
    second.send(type="control", action="take")
    first.wait_for("state", lambda state: state["wheel"]["asked"])
    first.send(type="control", action="grant")
    second.wait_for("state", lambda state: state["wheel"]["mine"])
    first.drive(0.0, 1.0)
    assert "another page has the wheel" in first.wait_for("refused")["why"]
    second.drive(0.0, 1.0)
    assert "let go" in second.wait_for("refused")["why"], "who gets the wheel with the throttle held does not set off"
    assert all(message.drive.speed == 0 for _, message in robot.published("drive"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sequence": 1}, "is not newer than"),
        ({"stamp": 0.0}, "s old"),
        ({"stamp": 1e12}, "ahead of the clock"),
    ],
)
def test_commands_that_are_replayed_late_or_early_are_dropped(
    robot: Robot, changes: dict[str, float], why: str
) -> None:
    page = robot.page()
    page.take_wheel()
    robot.wait_for("drive")
    page.drive(0.0, 1.0, **changes)
    assert why in page.wait_for("refused")["why"]
    assert all(message.drive.speed == 0 for _, message in robot.published("drive"))


def test_commands_of_a_connection_before_are_dropped(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    old = {"type": "drive", "sequence": 5, "stamp": time.monotonic() + page.offset, "steering": 0.0, "throttle": 0.04}
    page.send(**old)
    robot.wait_for("drive")
    page.close()
    again = robot.page()
    again.take_wheel()
    time.sleep(0.25)
    again.send(**old)
    assert "s old" in again.wait_for("refused")["why"]


def cut_by_closing(page: Page) -> None:
    page.close()


def cut_by_reset(page: Page) -> None:
    """As when the browser's process is killed."""
    raw = page.socket.socket
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raw.shutdown(socket.SHUT_RDWR)


def cut_by_silence(page: Page) -> None:
    """As when the network has gone, the tab sleeps, or the laptop: nothing more comes, and nothing is closed."""


@pytest.mark.parametrize("cut", [cut_by_closing, cut_by_reset, cut_by_silence])
def test_a_cut_link_brings_the_throttle_to_rest_and_then_there_is_silence(
    robot: Robot, cut: Callable[[Page], None]
) -> None:
    page = robot.page()
    page.take_wheel()
    hold(page, 0.4)
    cut_at = time.monotonic()
    cut(page)
    robot.wait_for("drive", lambda message: message.drive.speed > 0)
    time.sleep(2 * CUT_WITHIN_S)
    at, last = robot.published("drive")[-1]
    assert last.drive.speed == 0
    assert at - cut_at < CUT_WITHIN_S
    beats = [nanoseconds(beat.stamp) for _, beat in robot.published("heartbeat")]
    assert nanoseconds(last.header.stamp) > max(beats), "the rest is no sign of life: it would put the stop off"
    count = len(robot.published("heartbeat"))
    time.sleep(0.2)
    assert len(robot.published("heartbeat")) == count, "the drive mode stops for silence; nobody pretends to be there"


def test_a_throttle_that_is_still_held_when_the_link_is_back_has_to_be_let_go_first(robot: Robot) -> None:
    page = robot.page()
    page.take_wheel()
    hold(page, 0.4)
    robot.wait_for("drive", lambda message: message.drive.speed > 0)
    time.sleep(CUT_WITHIN_S)
    back = time.monotonic()
    hold(page, 0.4)
    assert "let go" in page.wait_for("refused", lambda message: message["what"] == "drive")["why"]
    page.wait_for("state", lambda state: state["wheel"]["must_rest"])
    assert all(message.drive.speed == 0 for at, message in robot.published("drive") if at > back)
    page.drive(0.0, 0.0)
    page.wait_for("state", lambda state: not state["wheel"]["must_rest"])
    let_go = time.time_ns()
    hold(page, 0.4)
    robot.wait_for("drive", lambda message: message.drive.speed > 0 and nanoseconds(message.header.stamp) > let_go)


def test_the_wheel_is_free_when_its_page_has_gone_and_nobody_gets_it_unasked(robot: Robot) -> None:
    driver, watcher = robot.page(), robot.page()
    driver.take_wheel()
    watcher.wait_for("state", lambda state: not state["wheel"]["free"])
    driver.close()
    state = watcher.wait_for("state", lambda state: state["wheel"]["free"])
    assert not state["wheel"]["mine"]


def test_a_page_that_shows_nothing_is_sent_no_more_than_two_pictures(robot: Robot) -> None:
    page = robot.page()
    got = 0
    for _ in range(10):
        robot.picture()
        time.sleep(0.03)
    page.socket.send(json.dumps({"type": "clock", "sent": 1.0}))
    while True:
        message = page.socket.recv(timeout=5)
        if isinstance(message, bytes):
            got += 1
        elif json.loads(message).get("sent") == 1.0:
            break
    assert got <= 2


def test_pictures_arrive_as_they_are_shown_the_newest_first(robot: Robot) -> None:
    page = robot.page()
    for _ in range(5):
        robot.picture()
        page.wait_for("state")
    assert page.frames >= 2


def test_a_page_that_floods_is_disconnected(robot: Robot) -> None:
    page = robot.page()

    def flood() -> None:
        for _ in range(20_000):
            page.send(type="clock", sent=0.0)

    with pytest.raises(ConnectionClosed):
        flood()
    other = robot.page()
    other.wait_for("state")
