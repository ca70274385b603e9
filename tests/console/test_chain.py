"""Console, drive mode and supervisor together: a stop, and a link that is cut, reach the vehicle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from convoy.driving.drive_mode import DriveMode
from convoy.driving.supervisor import Supervisor
from convoy.graph import Component, Output
from convoy.graph.live import LiveHost
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Header, make, type_name
from convoy.interfaces.messages import time as stamp

from .conftest import Page, Robot

WITHIN_S = 5.0
"""Whether it stops is tested here, on however busy a machine; how fast is measured by benchmarks/console.py."""


class Chain:
    """The console's messages go to the drive mode, its command to the supervisor, and that one's to the vehicle."""

    def __init__(self, robot: Robot, require_images: bool = False) -> None:
        self.robot = robot
        self.speeds: list[tuple[float, float]] = []
        self.mode, self.supervisor = (
            DriveMode("drive_mode"),
            Supervisor("supervisor", {"require_images": require_images}),
        )
        self.hosts = {
            component: LiveHost(component, self._router(component), lambda output: True)
            for component in (self.mode, self.supervisor)
        }
        for component, host in self.hosts.items():
            host.start()
            host.call(component.configure)
            host.call(component.activate)
        self._stopping = threading.Event()
        self._passed = 0
        threading.Thread(target=self._pass_on, daemon=True).start()

    def _router(self, component: Component) -> Callable[[Output, memoryview], None]:
        def send(output: Output, data: memoryview) -> None:
            message = cdr.deserialize(data, type_name(output.message))
            if output.topic == "/diagnostics":
                self.robot.put("health", message)
            elif component is self.supervisor:
                self.speeds.append((time.monotonic(), message.drive.speed))
            elif output.topic == "command":
                self.deliver(self.supervisor, "command", message)
            elif output.topic == "mode":
                self.robot.put("mode", message)

        return send

    def deliver(self, component: Component, topic: str, message: Any) -> None:
        for port in component.inputs.values():
            if port.topic == topic:
                self.hosts[component].put(port.subscriptions()[0], cdr.serialize(message))

    def _pass_on(self) -> None:
        """Pass on what the console publishes."""
        while not self._stopping.is_set():
            for name, _, message in self.robot.sent[self._passed :]:
                self._passed += 1
                for component in self.hosts:
                    self.deliver(component, self.robot.console.outputs[name].topic, message)
            time.sleep(0.002)

    def wait(self, moving: bool, since: float) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not any((speed != 0) == moving for at, speed in self.speeds if at >= since):
            assert time.monotonic() < deadline, f"the vehicle {'stands' if moving else 'moves'}"
            time.sleep(0.01)

    def set_off(self, page: Page) -> None:
        """Drive in manual mode."""
        page.take_wheel()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            page.send(type="mode", mode="manual")
            for throttle in (0.0, 0.0, 0.0, *(1.0,) * 12):
                page.drive(0.0, throttle)
                time.sleep(0.05)
            if self.speeds and self.speeds[-1][1] > 0:
                return
        raise AssertionError("the vehicle does not set off")

    def close(self) -> None:
        self._stopping.set()
        for component, host in self.hosts.items():
            host.call(component.shutdown)
            host.stop()


@pytest.fixture
def chain(robot: Robot) -> Iterator[Chain]:
    made = Chain(robot)
    yield made
    made.close()


def test_an_emergency_stop_holds_the_vehicle_until_it_is_released_on_purpose(chain: Chain) -> None:
    page = chain.robot.page()
    chain.set_off(page)
    pressed = time.monotonic()
    page.send(type="stop")
    chain.wait(False, pressed)
    page.wait_for("state", lambda state: state["emergency"] is True)
    stood = len(chain.speeds)
    for _ in range(10):
        page.drive(0.0, 1.0)
        page.send(type="mode", mode="manual")
        time.sleep(0.05)
    assert not any(speed for _, speed in chain.speeds[stood:])
    page.send(type="release", phase="press")
    time.sleep(1.0)
    page.send(type="release", phase="release")
    page.wait_for("state", lambda state: state["emergency"] is False and state["mode"] == "stopped")
    chain.set_off(page)


def test_a_camera_that_is_pulled_out_stops_the_vehicle_whoever_holds_the_throttle(robot: Robot) -> None:
    chain, is_plugged = Chain(robot, require_images=True), threading.Event()
    is_plugged.set()

    def film() -> None:
        while is_plugged.wait(0):
            header = make(Header, stamp=stamp(time.time_ns()))
            picture = encode(np.zeros((32, 64, 3), np.uint8), "rgb8", header)
            robot.put("image", picture)
            chain.deliver(chain.supervisor, "image", picture)
            time.sleep(0.05)

    filming = threading.Thread(target=film)
    filming.start()
    try:
        page = robot.page()
        chain.set_off(page)
        is_plugged.clear()
        filming.join()
        pulled = time.monotonic()
        for _ in range(30):
            page.drive(0.0, 1.0)
            time.sleep(0.05)
        chain.wait(False, pulled)
        assert chain.speeds[-1][1] == 0
    finally:
        is_plugged.clear()
        chain.close()


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_cut_link_stops_the_vehicle(chain: Chain, is_closed: bool) -> None:
    page = chain.robot.page()
    chain.set_off(page)
    cut = time.monotonic()
    if is_closed:
        page.close()
    chain.wait(False, cut)
    time.sleep(0.5)
    assert chain.speeds[-1][1] == 0
