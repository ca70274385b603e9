"""A real console with a real web server on a free port of this machine; the robot around it is played by the test."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from convoy.console.component import Console
from convoy.console.protocol import FRAME_HEADER
from convoy.graph.live import LiveHost
from convoy.graph.ports import Output
from convoy.interfaces import cdr
from convoy.interfaces.images import encode
from convoy.interfaces.messages import Header, Message, String, make, type_name
from convoy.interfaces.messages import time as stamp

from .screens import launch

PATIENCE_S = 60.0


class Robot:
    """The console on a live host: what it publishes is kept, and messages can be put in."""

    def __init__(self, folder: Path, **parameters: Any) -> None:
        self.console = Console("console", {"port": 0, "folder": str(folder), **parameters})
        self.sent: list[tuple[str, float, Any]] = []
        self._come = threading.Condition()
        self.host = LiveHost(self.console, self._send, lambda output: True)
        self.host.start()
        self.host.call(self.console.configure)
        self.host.call(self.console.activate)
        assert self.console.server is not None
        self.server = self.console.server

    def _send(self, output: Output, data: memoryview) -> None:
        message = cdr.deserialize(data, type_name(output.message))
        with self._come:
            self.sent.append((output.name, time.monotonic(), message))
            self._come.notify_all()

    def put(self, name: str, message: Message) -> None:
        """Deliver a message to an input."""
        kind = type_name(message)
        subscription = next(one for one in self.console.inputs[name].subscriptions() if one.type_name == kind)
        self.host.put(subscription, cdr.serialize(message))

    def picture(self, width: int = 64, height: int = 32) -> None:
        """Deliver a picture."""
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        self.put("image", encode(pixels, "rgb8", make(Header, stamp=stamp(time.time_ns()))))

    def mode(self, mode: str) -> None:
        """Say which mode it is."""
        self.put("mode", make(String, data=mode))

    def published(self, output: str) -> list[tuple[float, Any]]:
        """What was published on an output: when, and the message."""
        return [(at, message) for name, at, message in list(self.sent) if name == output]

    def wait_for(
        self, output: str, fits: Callable[[Any], bool] = lambda message: True, within_s: float = PATIENCE_S
    ) -> Any:
        """Return the first message on an output that fits, from the beginning on.

        Raises:
            TimeoutError: there is none.
        """
        deadline, seen = time.monotonic() + within_s, 0
        with self._come:
            while True:
                for name, _, message in self.sent[seen:]:
                    if name == output and fits(message):
                        return message
                seen = len(self.sent)
                if not self._come.wait(max(deadline - time.monotonic(), 0.001)):
                    raise TimeoutError(f"nothing fitting on {output}")

    def page(self, **headers: str) -> Page:
        """Open a page."""
        return Page(self.server.port, headers)

    def close(self) -> None:
        self.host.call(self.console.shutdown)
        self.host.stop()


class Page:
    """What a browser's page does, by hand."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        opened = connect(f"ws://127.0.0.1:{port}/live", additional_headers=headers or {}, proxy=None, max_queue=None)
        self.socket: ClientConnection = opened.__enter__()
        self.sequence = 0
        self.offset = 0.0
        self.frames = 0
        self.wait_for("hello")
        sent = time.monotonic()
        self.send(type="clock", sent=sent)
        self.offset = self.wait_for("clock")["now"] - time.monotonic()

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def drive(self, steering: float = 0.0, throttle: float = 0.0, **changes: Any) -> None:
        """Send a command, newer than the last."""
        self.sequence += 1
        command = {"type": "drive", "sequence": self.sequence, "stamp": time.monotonic() + self.offset}
        self.send(**(command | {"steering": steering, "throttle": throttle} | changes))

    def take_wheel(self) -> None:
        self.send(type="control", action="take")
        self.wait_for("state", lambda state: state["wheel"]["mine"])
        self.drive()

    def wait_for(
        self, kind: str, fits: Callable[[dict[str, Any]], bool] = lambda message: True, within_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Return the next message of a type that fits; pictures are answered on the way."""
        deadline = time.monotonic() + within_s
        while True:
            message = self.socket.recv(timeout=max(deadline - time.monotonic(), 0.001))
            if isinstance(message, bytes):
                self.frames += 1
                self.send(type="seen", frame=FRAME_HEADER.unpack_from(message)[1])
            elif (read := json.loads(message))["type"] == kind and fits(read):
                return read

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def make_robot(tmp_path: Path) -> Iterator[Callable[..., Robot]]:
    """Makes consoles with the given parameters; they are shut down in the end."""
    made: list[Robot] = []

    def make_(**parameters: Any) -> Robot:
        made.append(Robot(tmp_path / "console", **parameters))
        return made[-1]

    yield make_
    for robot in made:
        robot.close()


@pytest.fixture
def robot(make_robot: Callable[..., Robot]) -> Robot:
    """A console on loopback."""
    return make_robot()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, by playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    with sync_api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
