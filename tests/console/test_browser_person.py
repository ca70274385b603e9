"""A person at the page in a real browser: thumbs on a phone, a tab that is closed, takes that are cut, a token."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from convoy.interfaces.messages import nanoseconds

from .conftest import Robot
from .screens import PATIENCE_MS, PHONE, Screen, needs_chromium
from .test_takes import record

pytestmark = needs_chromium

TOKEN = "a-token-of-many-letters"
HIDE = """(hidden) => { Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange")); }"""
HANG = "(ms) => { const until = performance.now() + ms; while (performance.now() < until); }"


@pytest.fixture
def phone(browser: Any, robot: Robot, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(browser, robot.server.port, tmp_path, has_touch=True, is_mobile=True)
    screen.page.set_viewport_size(PHONE)
    yield screen
    screen.page.close()
    assert not screen.faults


@pytest.fixture
def screen(browser: Any, robot: Robot, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(browser, robot.server.port, tmp_path)
    robot.mode("manual")
    screen.open()
    screen.page.wait_for_selector("body[data-wheel=yes]")
    yield screen
    screen.page.close()
    assert not screen.faults


def drives(robot: Robot, press: Callable[[], None], let_go: Callable[[], None]) -> None:
    """Press until a command moves the vehicle that is newer than the press.

    The first command counts only at rest, and so does the first one after a hiccup of a busy machine: then one lets go
    and presses again, as the page asks for.
    """

    def moves(message: Any) -> bool:
        return message.drive.speed > 0 and nanoseconds(message.header.stamp) > pressed

    for _ in range(10):
        pressed = time.time_ns()
        press()
        try:
            robot.wait_for("drive", moves, within_s=5.0)
            return
        except TimeoutError:
            let_go()
            time.sleep(0.5)
    raise AssertionError("it does not drive, however often one lets go and presses again")


def rests(robot: Robot, since_ns: int) -> None:
    """Wait until a command puts the throttle to rest, and see that nothing follows that moves the vehicle."""
    robot.wait_for("drive", lambda message: message.drive.speed == 0 and nanoseconds(message.header.stamp) > since_ns)
    time.sleep(0.3)
    assert robot.published("drive")[-1][1].drive.speed == 0


def test_two_thumbs_on_a_phone_steer_and_drive_and_let_go(phone: Screen, robot: Robot) -> None:
    phone.open()
    page, hand = phone.page, phone.page.context.new_cdp_session(phone.page)
    page.wait_for_selector("body[data-wheel=yes]")
    phone.tab("drive")

    def touch(kind: str, **places: tuple[float, float]) -> None:
        points = []
        for number, (pad, (across, down)) in enumerate(places.items()):
            box = page.locator(f"#{pad}").bounding_box()
            x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
            points.append({"x": x, "y": y, "id": number})
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def press() -> None:
        touch("touchStart", steer=(0.5, 0.5), throttle=(0.5, 0.5))
        touch("touchMove", steer=(0.05, 0.5), throttle=(0.5, 0.05))

    drives(robot, press, lambda: touch("touchEnd"))
    p = robot.console.parameters
    robot.wait_for("drive", lambda message: message.drive.steering_angle == pytest.approx(p.max_steering_angle))
    phone.keep("thumbs")
    let_go = time.time_ns()
    touch("touchEnd")
    robot.wait_for("drive", lambda message: message.drive.steering_angle == 0 and message.drive.speed > 0)
    rests(robot, let_go)


@pytest.mark.parametrize("gone", ["closed", "hidden", "hung"])
def test_a_tab_that_is_gone_lets_go_of_the_throttle(screen: Screen, robot: Robot, gone: str) -> None:
    page = screen.page
    press, let_go = partial(page.keyboard.down, "w"), partial(page.keyboard.up, "w")
    drives(robot, press, let_go)
    gone_at = time.time_ns()
    if gone == "closed":
        page.close()
    elif gone == "hidden":
        page.evaluate(HIDE, True)
    else:
        page.evaluate(HANG, 1000)
    rests(robot, gone_at)
    if gone == "hung":  # the key is still held
        page.wait_for_selector("#banner", state="visible")
        assert "Let go" in page.locator("#banner").inner_text()
        let_go()
        page.wait_for_selector("#banner", state="hidden")
        drives(robot, press, let_go)


def test_takes_are_looked_at_cut_by_their_handles_and_deleted_on_purpose(screen: Screen, robot: Robot) -> None:
    folder = Path(robot.console.parameters.folder) / "takes"
    record(folder, "take-1", pictures=40)
    page = screen.page
    page.reload()
    page.wait_for_selector("body[data-wheel=yes]")
    screen.tab("takes")
    strip = page.locator("#takes .strip")
    strip.wait_for()
    strip.locator("img").evaluate("(img) => img.decode()")
    box = strip.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20, steps=5)
    page.mouse.up()
    cut = page.locator("#takes button", has_text="Keep 0:00 to 0:01")
    screen.keep("cut")
    cut.click()
    page.locator("#takes .facts", has_text=re.compile("^(19|20|21) pictures")).wait_for()
    page.locator("#takes .danger").click()
    assert "for good?" in page.locator("#takes .danger").inner_text()
    assert (folder / "take-1").is_dir()
    page.locator("#takes .danger").click()
    page.wait_for_selector("#takes .empty")
    assert not (folder / "take-1").exists()


def test_beyond_loopback_the_token_of_the_address_opens_the_page_and_is_taken_from_sight(
    browser: Any, make_robot: Callable[..., Robot], tmp_path: Path
) -> None:
    robot = make_robot(host="0.0.0.0", token=TOKEN)
    address = f"https://127.0.0.1:{robot.server.port}/"
    first, second = (browser.new_context(ignore_https_errors=True) for _ in range(2))
    page = first.new_page()
    page.goto(f"{address}#token={TOKEN}")
    page.wait_for_selector("body[data-link=up]", timeout=PATIENCE_MS)
    assert page.url == address
    page.reload()
    page.wait_for_selector("body[data-link=up]", timeout=PATIENCE_MS)

    stranger = second.new_page()
    stranger.goto(address)
    stranger.wait_for_selector("#login", state="visible", timeout=PATIENCE_MS)
    stranger.fill("#token", "a-wrong-token-of-letters")
    stranger.keyboard.press("Enter")
    stranger.locator("#login-said", has_text="wrong").wait_for()
    stranger.fill("#token", TOKEN)
    stranger.keyboard.press("Enter")
    stranger.wait_for_selector("body[data-link=up]", timeout=PATIENCE_MS)

    port = robot.server.port
    robot.host.call(robot.console.deactivate)
    robot.host.call(robot.console.cleanup)
    make_robot(host="0.0.0.0", token=TOKEN, port=port)  # started anew, it knows neither of them
    page.wait_for_selector("#login", state="visible", timeout=PATIENCE_MS)
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-link=up]", timeout=PATIENCE_MS)
    for context in (first, second):
        context.close()
