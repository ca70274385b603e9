"""The page in a real browser, with a robot that the test plays: overlays, gamepad, charts, parameters, states."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convoy.graph.health import Level, Status, diagnostics
from convoy.interfaces.images import encode
from convoy.interfaces.messages import AckermannDrive, AckermannDriveStamped, CameraInfo, make

from .conftest import Robot
from .screens import Screen, needs_chromium
from .test_pictures import detections, header

pytestmark = needs_chromium

WIDTH, HEIGHT = 320, 160
READ_MS = 600_000
"""The parameters are read by a process that imports all components, which takes its time on a busy machine."""
GAMEPAD = """
window.pad = {connected: true, mapping: "standard", axes: [0, 0, 0, 0],
              buttons: Array.from({length: 17}, () => ({pressed: false, value: 0}))};
navigator.getGamepads = () => [null, window.pad];
"""
PAINTED = """(id) => { const c = document.getElementById(id);
    const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (c.width * c.height); }"""
"""Which part of a canvas is not clear."""


@pytest.fixture
def screen(browser: Any, robot: Robot, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(browser, robot.server.port, tmp_path)
    screen.page.add_init_script(GAMEPAD)
    yield screen
    screen.page.close()
    assert not screen.faults


@pytest.fixture
def scene(robot: Robot) -> Iterator[None]:
    """A robot that sees a road with a car on it, and steers to the left, ten times a second."""
    ending = threading.Event()
    pixels = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    pixels[70:] = 90
    classes = np.full((HEIGHT, WIDTH), 255, np.uint8)
    classes[70:], classes[60:100, 200:240] = 1, 5
    depth = np.full((HEIGHT, WIDTH), 30.0, np.float32)
    depth[70:] = np.linspace(25.0, 2.0, HEIGHT - 70)[:, None]
    k = np.array([134.0, 0, 159.5, 0, 134.0, 79.5, 0, 0, 1])
    info = make(CameraInfo, width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=np.zeros(5), k=k)

    def play() -> None:
        while not ending.wait(0.1):
            steered = make(AckermannDriveStamped, header=header(), drive=make(AckermannDrive, steering_angle=0.1))
            robot.put("camera_info", info)
            robot.put("image", encode(pixels, "rgb8", header()))
            robot.put("segmentation", encode(classes, "mono8", header()))
            robot.put("depth", encode(depth, "32FC1", header()))
            robot.put("detections", detections(("car", 220.0, 80.0, 40.0, 40.0)))
            robot.put("policy", steered)
            robot.put("commanded", steered)

    thread = threading.Thread(target=play)
    robot.mode("autonomous")
    thread.start()
    yield
    ending.set()
    thread.join()


def painted(screen: Screen, canvas: str, fits: Callable[[float], bool]) -> float:
    """Wait until a part of a canvas that fits is painted."""
    share, deadline = 0.0, time.monotonic() + 60
    while time.monotonic() < deadline:
        share = screen.page.evaluate(PAINTED, canvas)
        if fits(share):
            return share
        time.sleep(0.1)
    raise AssertionError(f"{share:.3f} of {canvas} is painted")


def test_overlays_are_laid_over_the_picture_one_by_one(screen: Screen, scene: None) -> None:
    screen.open()
    page = screen.page
    page.wait_for_selector("#no-picture", state="hidden")
    painted(screen, "overlay", lambda share: share > 0.002)  # the policy's path
    page.click("[data-overlay=arcs]")
    painted(screen, "overlay", lambda share: share == 0)
    page.click("[data-overlay=boxes]")
    boxes = painted(screen, "overlay", lambda share: share > 0)
    assert boxes < 0.1
    for name in ("mask", "depth"):
        page.click(f"[data-overlay={name}]")
        painted(screen, "overlay", lambda share: share > 0.2)
        page.click("[data-overlay=boxes]" if name == "mask" else "[data-overlay=mask]")
    for name in ("arcs", "boxes"):
        page.click(f"[data-overlay={name}]")
    page.wait_for_timeout(500)
    screen.keep("overlays-depth")
    for name in ("depth", "mask"):
        page.click(f"[data-overlay={name}]")
    painted(screen, "overlay", lambda share: share > 0.2)
    screen.keep("overlays-mask")


def test_a_gamepad_steers_drives_and_stops(screen: Screen, robot: Robot) -> None:
    screen.open()
    page = screen.page
    page.wait_for_selector("body[data-wheel=yes]")
    robot.wait_for("drive")
    page.locator("#top-speed").fill("50")
    page.evaluate("pad.axes[0] = -1; pad.buttons[7] = {pressed: true, value: 1}")
    p = robot.console.parameters
    robot.wait_for("drive", lambda message: message.drive.steering_angle == pytest.approx(p.max_steering_angle))
    robot.wait_for("drive", lambda message: message.drive.speed == pytest.approx(p.max_speed / 2))
    page.evaluate("pad.axes[0] = 0.05; pad.buttons[7] = {pressed: false, value: 0}")
    seen = len(robot.published("drive"))
    robot.wait_for("drive", lambda message: message.drive.steering_angle == 0 and len(robot.published("drive")) > seen)
    assert not robot.published("emergency_stop")
    page.evaluate("pad.buttons[1] = {pressed: true, value: 1}")
    assert robot.wait_for("emergency_stop").data is True
    assert max(message.drive.speed for _, message in robot.published("drive")) <= p.max_speed / 2 + 1e-6


def test_charts_and_parameters_are_shown(screen: Screen, scene: None, robot: Robot) -> None:
    screen.open()
    page = screen.page
    page.wait_for_selector("#no-picture", state="hidden")
    screen.tab("charts")
    page.wait_for_timeout(1500)
    for chart in ("chart-speed", "chart-steering", "chart-age"):
        painted(screen, chart, lambda share: share > 0.005)
    screen.keep("charts")
    values = {"max_speed": "2.75", "stale_after": "0.5"}
    robot.put("health", diagnostics("supervisor", 0, {"Parameters": Status(Level.OK, "", values)}))
    page.wait_for_timeout(1500)  # health is shown once a second
    screen.tab("parameters")
    page.wait_for_selector("#parameters details", timeout=READ_MS)
    page.locator("#parameters summary", has_text="supervisor").click()
    card = page.locator("#parameters details", has_text="supervisor").first
    assert "from 0 to 1.5" in card.inner_text()
    assert "max_speed\n2.75" in card.inner_text(), "what is set, and not what would be if nothing were"
    assert card.locator(".other code").all_inner_texts() == ["max_speed"], "what was set otherwise than usual is marked"
    screen.keep("parameters")


def test_an_emergency_stop_is_shown_until_it_is_released_by_holding(screen: Screen, robot: Robot) -> None:
    def said(engaged: bool) -> None:
        level = Level.ERROR if engaged else Level.OK
        robot.put("health", diagnostics("supervisor", 0, {"Emergency stop": Status(level, "", {})}))

    said(False)
    robot.mode("manual")
    screen.open()
    page = screen.page
    page.wait_for_selector("body[data-wheel=yes][data-mode=manual]")
    page.keyboard.press("Escape")
    robot.wait_for("emergency_stop")
    page.wait_for_selector("#banner", state="visible")
    assert "no supervisor confirms" in page.locator("#banner").inner_text()
    said(True)
    robot.mode("stopped")
    page.wait_for_selector("body[data-emergency=yes]")
    screen.keep("emergency")
    page.locator("#release").click()
    page.wait_for_timeout(300)
    assert not robot.published("release_emergency_stop"), "a click is not on purpose"
    page.locator("#release").click(delay=1300)
    robot.wait_for("release_emergency_stop")
    said(False)
    page.wait_for_selector("body[data-emergency=no]")


def test_without_a_robot_the_page_says_what_is_missing(screen: Screen, robot: Robot) -> None:
    screen.open()
    page = screen.page
    page.wait_for_selector("#no-picture", state="visible")
    page.locator("#banner", has_text="No drive mode answers").wait_for()
    screen.keep("nothing")
    robot.host.call(robot.console.deactivate)
    robot.host.call(robot.console.cleanup)
    page.wait_for_selector("body[data-link=down][data-wheel=no]")
    page.locator("#banner", has_text="No connection").wait_for()
    assert page.locator("[data-set-mode=manual]").is_disabled()
    screen.keep("lost")
