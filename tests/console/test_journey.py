"""The journey, in a real browser: drive by the keyboard, record, train, hand over, watch it drive, stop it.

The training, and the lap that is driven by what was learned, take minutes and the machine for themselves: they are
tried where ``CONVOY_JOURNEY_S`` says how many seconds are recorded. With 60 or more a whole lap is to be driven, with
one intervention at most; with fewer a few metres. Without it nothing is trained, and the model that the car comes with
is handed over to. ``CONVOY_ARTEFACTS`` is the folder for the screenshots, and for what was driven.
"""

from __future__ import annotations

import json
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

from .screens import Screen, launch, needs_chromium

TRAINS = "CONVOY_JOURNEY_S" in os.environ
RECORD_S = float(os.environ.get("CONVOY_JOURNEY_S", "4"))
IS_WHOLE = RECORD_S >= 60
EPOCHS = 15 if IS_WHOLE else 5
START_S, TRAIN_MS, LAP_S = 300.0, 1_200_000, 900.0
REALTIME_HZ = 4.0
"""Pictures a second, below which nobody could drive; the simulator makes 20 where it has a core for itself."""
CRUISE, TURNING = 6.5, 0.12
"""m/s that the driver holds, and rad of steering from which on the throttle is let go."""

pytestmark = [needs_chromium, pytest.mark.usefixtures("opengl")]


class World:
    """What the driver sees beside the page: where a good driver would steer, how fast the car is, how far it came."""

    def __init__(self, participant: Participant) -> None:
        node = participant.node("driver")
        self.expert = self.speed = self.along = 0.0
        self.interventions = 0
        self.driven: list[float] = []

        def hear(topic: str, kind: str, take: Any) -> None:
            node.subscription(topic, kind, QoS(), lambda data, _: take(cdr.deserialize(data, kind)))

        hear("/expert/drive", "ackermann_msgs/msg/AckermannDriveStamped", self._expert)
        hear("/drive", "ackermann_msgs/msg/AckermannDriveStamped", self._drive)
        hear("/odom", "nav_msgs/msg/Odometry", self._odom)
        hear("/ground_truth/route_pose", "geometry_msgs/msg/PoseStamped", self._pose)
        hear("/events", "diagnostic_msgs/msg/DiagnosticArray", self._event)

    def _expert(self, message: Any) -> None:
        self.expert = message.drive.steering_angle

    def _drive(self, message: Any) -> None:
        self.driven = [*self.driven[-50:], message.drive.speed]

    def _odom(self, message: Any) -> None:
        self.speed = message.twist.twist.linear.x

    def _pose(self, message: Any) -> None:
        self.along = message.pose.position.x

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
        deadline = time.monotonic() + START_S
        while "operator's page" not in log.read_text(errors="replace"):
            assert drive.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.2)
        yield number
        drive.send_signal(signal.SIGINT)
        assert drive.wait(60) in (0, 130, -signal.SIGINT), log.read_text(errors="replace")


@pytest.fixture
def world(port: int) -> Iterator[World]:
    with Participant() as participant:
        yield World(participant)


@pytest.fixture
def screen(port: int, tmp_path: Path) -> Iterator[Screen]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    with sync_api.sync_playwright() as playwright:
        browser = launch(playwright)
        screen = Screen(browser, port, tmp_path)
        screen.open()
        yield screen
        browser.close()


class Hands:
    """A person at the keyboard."""

    def __init__(self, screen: Screen, world: World) -> None:
        self.screen, self.world = screen, world
        self.held: set[str] = set()
        self.moved_at = 0.0

    def hold(self, key: str, down: bool) -> None:
        keyboard = self.screen.page.keyboard
        if down != (key in self.held):
            (keyboard.down if down else keyboard.up)(key)
            (self.held.add if down else self.held.discard)(key)

    def let_go(self) -> None:
        for key in tuple(self.held):
            self.hold(key, False)

    def drive(self, seconds: float) -> None:
        """Drive as a person does, by pressing and letting go of keys; seconds are of the time that the car moves."""
        driven, before = 0.0, time.monotonic()
        deadline = before + 60 + 10 * seconds
        self.moved_at = before
        while driven < seconds:
            assert time.monotonic() < deadline, "the car does not move"
            steered = float(self.screen.page.locator("#steer").get_attribute("aria-valuenow") or 0) * 0.45
            self.hold("a", self.world.expert > steered + 0.03)
            self.hold("d", self.world.expert < steered - 0.03)
            self.hold("w", self.world.speed < (CRUISE if abs(self.world.expert) < TURNING else 0.8 * CRUISE))
            time.sleep(0.03)
            now = time.monotonic()
            if self.world.speed > 1.0:
                driven += now - before
                self.moved_at = now
            elif now - self.moved_at > 3.0:
                self._begin_again()
                now = self.moved_at = time.monotonic()
            before = now
        self.let_go()

    def _begin_again(self) -> None:
        """On a busy machine the link may be lost for a moment: whoever held the throttle has to let go first."""
        self.let_go()
        time.sleep(0.5)
        self.screen.mode("manual")


def test_drive_record_train_hand_over_and_stop(screen: Screen, world: World) -> None:
    page = screen.page
    page.wait_for_selector("#no-picture", state="hidden")
    time.sleep(3)
    rate = float(page.locator("#fps").inner_text().split()[0].replace("no", "0"))
    if rate < REALTIME_HZ:
        pytest.skip(f"the machine is too busy to drive: {rate:.0f} pictures/s, wanted {REALTIME_HZ:.0f}")
    screen.keep("stopped")

    screen.mode("manual")
    page.locator("#top-speed").fill("100")
    hands = Hands(screen, world)
    hands.drive(3)
    screen.tab("takes")
    page.click("#record")
    page.wait_for_selector("#recording", state="visible")
    hands.drive(RECORD_S)
    screen.keep("recording")
    page.click("#record")
    page.wait_for_selector("#takes .card.chosen")
    page.wait_for_selector("#takes .strip img")
    screen.keep("take")

    screen.mode("stopped")
    time.sleep(3)
    stood = world.along
    if TRAINS:
        train(screen)
    assert abs(world.along - stood) < 0.5, "who is stopped stands"
    begun, before, handed_over = world.along, world.interventions, time.monotonic()
    screen.mode("autonomous")
    far = lap_length() if IS_WHOLE else 10.0
    deadline = time.monotonic() + LAP_S
    is_kept = False
    while world.along - begun < far:
        assert time.monotonic() < deadline, f"{world.along - begun:.0f} m of {far:.0f} m in {LAP_S:.0f} s"
        assert world.interventions - before <= 1, f"{world.interventions - before} after {world.along - begun:.0f} m"
        if not is_kept and world.along - begun > far / 3:
            is_kept = True
            screen.keep("autonomous")
        time.sleep(0.1)
    figures = {"metres": far, "seconds": time.monotonic() - handed_over, "interventions": world.interventions - before}
    (screen.folder / "journey.json").write_text(json.dumps({name: round(value) for name, value in figures.items()}))

    for tab in ("health", "charts", "parameters") if TRAINS else ():
        screen.tab(tab)
        page.wait_for_timeout(1500)
        if tab == "parameters":
            page.wait_for_selector("#parameters details")
        screen.keep(tab)
    page.keyboard.press("Space")
    page.wait_for_selector("body[data-emergency=yes]")
    time.sleep(0.5)
    assert world.driven[-1] == 0.0
    screen.keep("emergency")
    assert not screen.faults


def train(screen: Screen) -> None:
    """Train on the take, and have the policy drive by what was learned."""
    page = screen.page
    screen.tab("training")
    page.locator("#training input[type=range]").fill(str(EPOCHS))
    page.click("#train")
    page.wait_for_selector(".state.training", timeout=TRAIN_MS)
    screen.keep("training")
    page.wait_for_selector(".state.done, .state.failed", timeout=TRAIN_MS)
    assert page.locator(".course .state").inner_text() == "done", page.locator(".course .facts").inner_text()
    page.click("#models .use")
    page.wait_for_selector(".state.in-use")
    screen.keep("model")


def lap_length() -> float:
    """How long the road is that the simulated car of the console drives again and again."""
    from convoy_sim.roads import Roads
    from convoy_sim.route import lap
    from convoy_sim.seeds import town_seeds
    from convoy_sim.town import Town

    return lap(Roads(Town.generate(town_seeds("test")[0]))).length
