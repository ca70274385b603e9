"""The journey, in a real browser: drive by the keyboard, record, train, hand over, watch it drive, stop it.

It takes minutes, and the machine for itself: it runs where ``CONVOY_JOURNEY_S`` says how many seconds are recorded.
``CONVOY_ARTEFACTS`` is the folder for the screenshots.
"""

from __future__ import annotations

import math
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convoy.graph import QoS
from convoy.hosts.dds import Participant
from convoy.hosts.dds.domain import LOOPBACK
from convoy.interfaces import cdr

CHROMIUM = next((path for path in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser")) if path.exists()), None)
RECORD_S = float(os.environ.get("CONVOY_JOURNEY_S", "20"))
EPOCHS = 5 if RECORD_S < 60 else 20
START_MS, TRAIN_MS = 120_000, 600_000
REALTIME_HZ = 12.0
"""Pictures a second, below which nobody could drive: the simulator makes 20 where it has a core for itself."""
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.skipif("CONVOY_JOURNEY_S" not in os.environ, reason="wants CONVOY_JOURNEY_S=20, or 60 for all of it"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium)"),
    pytest.mark.usefixtures("opengl"),
]


class World:
    """What the driver sees beside the page: where a good driver would steer, how fast the car is, how far it came."""

    def __init__(self, participant: Participant) -> None:
        node = participant.node("driver")
        self.expert = self.speed = self.distance = 0.0
        self.interventions = 0
        self.driven: list[float] = []
        drive = "ackermann_msgs/msg/AckermannDriveStamped"
        node.subscription("/expert/drive", drive, QoS(), lambda data, _: self._expert(cdr.deserialize(data, drive)))
        node.subscription("/drive", drive, QoS(), lambda data, _: self._drive(cdr.deserialize(data, drive)))
        odom = "nav_msgs/msg/Odometry"
        node.subscription("/odom", odom, QoS(), lambda data, _: self._odom(cdr.deserialize(data, odom)))
        events = "diagnostic_msgs/msg/DiagnosticArray"
        node.subscription("/events", events, QoS(), lambda data, _: self._event(cdr.deserialize(data, events)))

    def _expert(self, message: Any) -> None:
        self.expert = message.drive.steering_angle

    def _drive(self, message: Any) -> None:
        self.driven = [*self.driven[-50:], message.drive.speed]

    def _odom(self, message: Any) -> None:
        self.speed = message.twist.twist.linear.x
        self.distance += abs(self.speed) * 0.05

    def _event(self, message: Any) -> None:
        self.interventions += any(status.level == 2 for status in message.status)


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """``convoy drive --console``, in a domain of its own."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(random.SystemRandom().randrange(1, 230)))
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "convoy", "drive", "--console", f"port:={number}", f"folder:={tmp_path}"]
    log = tmp_path / "drive.log"
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True) as drive:
        deadline = time.monotonic() + START_MS / 1e3
        while "operator's page" not in log.read_text(errors="replace"):
            assert drive.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.2)
        yield number
        drive.send_signal(signal.SIGINT)
        assert drive.wait(30) in (0, 130, -signal.SIGINT), log.read_text(errors="replace")


@pytest.fixture
def world(port: int) -> Iterator[World]:
    with Participant() as participant:
        yield World(participant)


class Screen:
    """The browser's page, with screenshots of each state in both sizes."""

    def __init__(self, page: Any, folder: Path) -> None:
        self.page, self.folder, self.number = page, folder, 0
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.set_default_timeout(START_MS)

    def tab(self, name: str) -> None:
        self.page.click(f"[data-tab={name}]")

    def mode(self, name: str) -> None:
        self.page.click(f"[data-set-mode={name}]")
        self.page.wait_for_selector(f"body[data-mode={name}]")

    def keep(self, name: str) -> None:
        self.number += 1
        for size, viewport in (("phone", PHONE), ("wide", WIDE)):
            self.page.set_viewport_size(viewport)
            self.page.screenshot(path=self.folder / f"{self.number}-{name}-{size}.png")
            stop = self.page.locator("#stop").bounding_box()
            assert stop["y"] + stop["height"] <= viewport["height"], "the emergency stop is always on the screen"
            assert stop["x"] + stop["width"] <= viewport["width"]


@pytest.fixture
def screen(port: int, tmp_path: Path) -> Iterator[Screen]:
    from playwright.sync_api import sync_playwright

    folder = Path(os.environ.get("CONVOY_ARTEFACTS", tmp_path / "screens"))
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        page = browser.new_page(viewport=WIDE)
        page.goto(f"http://127.0.0.1:{port}/", timeout=START_MS)
        yield Screen(page, folder)
        browser.close()


def drive_by_keys(screen: Screen, world: World, seconds: float) -> None:
    """Drive as a person does, by pressing and letting go of keys."""
    keyboard, held = screen.page.keyboard, set()

    def hold(key: str, down: bool) -> None:
        if down != (key in held):
            (keyboard.down if down else keyboard.up)(key)
            (held.add if down else held.discard)(key)

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        steered = float(screen.page.locator("#steer").get_attribute("aria-valuenow") or 0) * 0.45
        hold("a", world.expert > steered + 0.03)
        hold("d", world.expert < steered - 0.03)
        hold("w", world.speed < 4.0)
        time.sleep(0.04)
    for key in tuple(held):
        hold(key, False)


def test_drive_record_train_hand_over_and_stop(screen: Screen, world: World) -> None:
    page = screen.page
    page.wait_for_selector("#no-picture", state="hidden")
    time.sleep(2)
    rate = float(page.locator("#fps").inner_text().split()[0])
    if rate < REALTIME_HZ:
        pytest.skip(f"the machine is too busy to drive: {rate:.0f} pictures/s, wanted {REALTIME_HZ:.0f}")
    screen.keep("stopped")

    screen.mode("manual")
    drive_by_keys(screen, world, 3)
    assert world.speed > 1.0
    screen.tab("takes")
    page.click("#record")
    drive_by_keys(screen, world, RECORD_S)
    screen.keep("recording")
    page.click("#record")
    page.wait_for_selector("#takes .card.chosen")
    screen.keep("take")

    screen.tab("training")
    page.locator("#training input[type=range]").fill(str(EPOCHS))
    page.click("#train")
    page.wait_for_selector(".state.training", timeout=TRAIN_MS)
    screen.keep("training")
    page.wait_for_selector(".state.done", timeout=TRAIN_MS)
    page.click("#models .use")
    page.wait_for_selector(".state.in-use")
    screen.keep("model")

    before = world.distance, world.interventions
    screen.mode("autonomous")
    time.sleep(RECORD_S / 2)
    screen.keep("autonomous")
    assert world.distance - before[0] > RECORD_S / 2, "it drives"
    if RECORD_S >= 60:
        assert world.interventions - before[1] <= 1

    page.keyboard.press("Space")
    page.wait_for_selector("body[data-emergency=yes]")
    time.sleep(0.5)
    assert world.driven[-1] == 0.0
    assert math.isfinite(world.speed)
    screen.keep("emergency")
    assert not screen.faults
