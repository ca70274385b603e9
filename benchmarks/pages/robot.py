"""The robot of the operator's page: its nodes, and beside them what hears and feeds them."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil

from convoy.graph import QoS
from convoy.hosts.dds.participant import Participant
from convoy.interfaces import cdr
from convoy.interfaces.messages import (
    AckermannDrive,
    AckermannDriveStamped,
    CompressedImage,
    Header,
    make,
)
from convoy.interfaces.messages import time as stamp

RATE_HZ = 20.0
START_S = 120.0
DRIVE = "ackermann_msgs/msg/AckermannDriveStamped"
NODES = {
    "console": ["-r", "image:=camera", "-r", "diagnostics:=/diagnostics"],
    "drive_mode": ["-r", "command:=mode/drive"],
    "supervisor": ["-r", "image:=camera", "-r", "command:=mode/drive"],
}
PARAMETERS = Path(__file__).parents[2] / "config/console.param.yaml"
"""Those of the simulated car, as ``convoy drive --console`` has them."""


class Vehicle:
    """Hears what reaches the actuator; sends the camera's pictures, 640x360, and what a policy commands, at 20 Hz."""

    def __init__(self, participant: Participant) -> None:
        node = participant.node("benchmark")
        self.commands: list[tuple[float, float, int]] = []
        """When it came, which speed, and when the supervisor sent it, in ns."""
        self._come = threading.Condition()
        node.subscription("/drive", DRIVE, QoS(), self._hear)
        self._camera = node.publisher("/camera/compressed", "sensor_msgs/msg/CompressedImage", QoS())
        self._policy = node.publisher("/policy/drive", DRIVE, QoS())
        pixels = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
        self._jpeg = cv2.imencode(".jpg", cv2.resize(pixels, (640, 360)))[1].reshape(-1)
        self._running = threading.Event()
        self._running.set()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _hear(self, data: memoryview, sent: int) -> None:
        speed = cdr.deserialize(data, DRIVE).drive.speed
        with self._come:
            self.commands.append((time.monotonic(), speed, sent))
            self._come.notify_all()

    def stop(self) -> None:
        """End film and policy, before the participant ends."""
        self._running.clear()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while self._running.is_set():
            header = make(Header, stamp=stamp(time.time_ns()))
            wanted = make(AckermannDrive, steering_angle=0.05, speed=5.0)
            self._policy.write(cdr.serialize(make(AckermannDriveStamped, header=header, drive=wanted)))
            self._camera.write(cdr.serialize(make(CompressedImage, header=header, format="jpeg", data=self._jpeg)))
            due += 1 / RATE_HZ
            time.sleep(max(0.0, due - time.monotonic()))

    def since(self, at: float) -> list[tuple[float, float, int]]:
        """Return the commands that came after a time."""
        with self._come:
            return [command for command in self.commands if command[0] >= at]

    def when(self, moving: bool, since: float, within_s: float) -> float | None:
        """Return when the vehicle first moved, or stood, after a time; None where it did not."""
        deadline = time.monotonic() + within_s
        with self._come:
            while True:
                for at, speed, _ in self.commands[-400:]:
                    if at >= since and (speed != 0) == moving:
                        return at
                if not self._come.wait(max(0.0, deadline - time.monotonic())):
                    return None


@contextlib.contextmanager
def robot(port: int, folder: str) -> Iterator[psutil.Process]:
    """Run the three nodes; yields the console's process."""
    own = ["-p", f"port:={port}", "-p", f"folder:={folder}", "-p", "max_pages:=50"]
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, arguments in NODES.items():
            command = [sys.executable, "-P", "-m", "convoy", "run", name, "--ros-args", "--log-level", "fatal"]
            command += ["--params-file", str(PARAMETERS), *arguments, *(own if name == "console" else [])]
            processes[name] = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            stack.callback(processes[name].send_signal, signal.SIGINT)
        deadline = time.monotonic() + START_S
        while not _listens(port):
            if time.monotonic() > deadline:
                raise SystemExit("the console does not start")
            time.sleep(0.2)
        yield psutil.Process(processes["console"].pid)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Relay:
    """A network between a page and the console, that can fall silent while both ends believe to be connected."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._flows = threading.Event()
        self._flows.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def freeze(self) -> None:
        """Hold back what is sent, both ways."""
        self._flows.clear()

    def thaw(self) -> None:
        """Deliver what was held back, and go on."""
        self._flows.set()

    def end(self) -> None:
        """Take no more pages."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                page, _ = self._listening.accept()
                console = socket.create_connection(("127.0.0.1", self._target))
                for one, other in ((page, console), (console, page)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


def wait(done: Callable[[], bool], within_s: float, otherwise: Callable[[], str]) -> None:
    """Wait until something is so, or end with what is said instead."""
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise())
        time.sleep(0.01)
