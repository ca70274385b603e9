"""The operator's page: how fast an emergency stop and a cut link stop the vehicle, and what many pages cost.

Console, drive mode and supervisor run as they do on a robot, each a DDS participant on loopback; pages are WebSocket
clients in this process, and the vehicle is a subscription to ``drive``. Under load: pictures of 640x360 at 20 Hz, and
watchers that take each of them.

    python benchmarks/console.py --json console.json
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import psutil
import typer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from convoy.graph import QoS
from convoy.hosts.dds.domain import LOOPBACK
from convoy.hosts.dds.participant import Participant
from convoy.interfaces import cdr
from convoy.interfaces.messages import CompressedImage, Header, make
from convoy.interfaces.messages import time as stamp

RATE_HZ = 20.0
START_S = 120.0
KEEPS_MOVING_S = 0.3
NODES = {
    "console": ["-r", "image:=camera", "-r", "diagnostics:=/diagnostics"],
    "drive_mode": ["-r", "command:=mode/drive"],
    "supervisor": ["-r", "image:=camera", "-r", "command:=mode/drive"],
}
PARAMETERS = Path(__file__).parent.parent / "config/console.param.yaml"
"""Those of the simulated car, as ``convoy drive --console`` has them."""


class Vehicle:
    """Hears what reaches the actuator, and sends the camera's pictures."""

    def __init__(self, participant: Participant) -> None:
        node = participant.node("benchmark")
        self.commands: list[tuple[float, float]] = []
        """When, and which speed."""
        self._come = threading.Condition()
        node.subscription("/drive", "ackermann_msgs/msg/AckermannDriveStamped", QoS(), self._hear)
        self._camera = node.publisher("/camera/compressed", "sensor_msgs/msg/CompressedImage", QoS())
        pixels = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
        self._jpeg = cv2.imencode(".jpg", cv2.resize(pixels, (640, 360)))[1].reshape(-1)
        self._filming = threading.Event()
        self._filming.set()
        self._thread = threading.Thread(target=self._film, daemon=True)
        self._thread.start()

    def _hear(self, data: memoryview, _sent: int) -> None:
        speed = cdr.deserialize(data, "ackermann_msgs/msg/AckermannDriveStamped").drive.speed
        with self._come:
            self.commands.append((time.monotonic(), speed))
            self._come.notify_all()

    def stop(self) -> None:
        """End the film, before the participant ends."""
        self._filming.clear()
        self._thread.join()

    def _film(self) -> None:
        due = time.monotonic()
        while self._filming.is_set():
            header = make(Header, stamp=stamp(time.time_ns()))
            self._camera.write(cdr.serialize(make(CompressedImage, header=header, format="jpeg", data=self._jpeg)))
            due += 1 / RATE_HZ
            time.sleep(max(0.0, due - time.monotonic()))

    def when(self, moving: bool, since: float, within_s: float) -> float | None:
        """Return when the vehicle first moved, or stood, after a time; None where it did not."""
        deadline = time.monotonic() + within_s
        with self._come:
            while True:
                for at, speed in self.commands[-400:]:
                    if at >= since and (speed != 0) == moving:
                        return at
                if not self._come.wait(max(0.0, deadline - time.monotonic())):
                    return None


class Operator:
    """A page that has the wheel, and holds the throttle 20 times a second on a thread of its own."""

    def __init__(self, port: int) -> None:
        opened = connect(f"ws://127.0.0.1:{port}/live", proxy=None, max_queue=None)
        self.socket: ClientConnection = opened.__enter__()
        self._offset: float | None = None
        self._sequence = 0
        self.throttle = 0.0
        self.is_silent = False
        self.state: dict[str, Any] = {}
        threading.Thread(target=self._receive, daemon=True).start()
        self.send(type="clock", sent=time.monotonic())
        self.send(type="control", action="take")
        threading.Thread(target=self._drive, daemon=True).start()

    def send(self, **message: Any) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            self.socket.send(json.dumps(message))

    def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            for message in self.socket:
                if isinstance(message, bytes):
                    self.send(type="seen", frame=struct.unpack_from("<BxxxI", message)[1])
                    continue
                read = json.loads(message)
                if read["type"] == "clock":
                    self._offset = read["now"] - time.monotonic()
                elif read["type"] == "state":
                    self.state = read

    def _drive(self) -> None:
        while not self.is_silent:
            if self._offset is not None:
                self._sequence += 1
                command = {"sequence": self._sequence, "stamp": time.monotonic() + self._offset}
                self.send(type="drive", **command, steering=0.0, throttle=self.throttle)
            time.sleep(1 / RATE_HZ)

    def wait(self, fits: Any, within_s: float = START_S) -> None:
        deadline = time.monotonic() + within_s
        while not fits(self.state):
            if time.monotonic() > deadline:
                raise SystemExit(f"not in {within_s:.0f} s; the page says {self.state}")
            time.sleep(0.01)

    def set_off(self, vehicle: Vehicle) -> None:
        """Bring the vehicle to move in manual mode: a throttle that is held counts for nothing, so let go first."""
        self.throttle = 0.0
        self.wait(lambda state: state.get("wheel", {}).get("mine"))
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.send(type="mode", mode="manual")
            time.sleep(0.3)
            self.throttle, begun = 1.0, time.monotonic()
            if vehicle.when(True, begun, 1.5) and self._keeps_moving(vehicle):
                return
            self.throttle = 0.0
            time.sleep(0.2)
        raise SystemExit(f"the vehicle does not move; the page says {self.state}")

    def _keeps_moving(self, vehicle: Vehicle) -> bool:
        """Tell whether all commands of a while move the vehicle: on a busy machine the link may seem to be lost."""
        begun = time.monotonic()
        time.sleep(KEEPS_MOVING_S)
        return all(speed for at, speed in vehicle.commands[-40:] if at > begun) and vehicle.commands[-1][0] > begun

    def release(self) -> None:
        """Release the emergency stop, as a held button does; a press that came late was too short, and is repeated."""
        self.throttle = 0.0
        self.wait(lambda state: state.get("emergency"))
        deadline = time.monotonic() + START_S
        while self.state.get("emergency"):
            if time.monotonic() > deadline:
                raise SystemExit(f"the emergency stop is not released; the page says {self.state}")
            self.send(type="release", phase="press")
            time.sleep(0.95)
            self.send(type="release", phase="release")
            self._confirmed(1.0)

    def _confirmed(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while self.state.get("emergency") and time.monotonic() < deadline:
            time.sleep(0.01)


def emergency_stops(port: int, vehicle: Vehicle, trials: int) -> dict[str, Any]:
    """From the page's message to the vehicle's command at zero, in ms."""
    operator, latencies, missed = Operator(port), [], 0
    for _ in range(trials):
        operator.set_off(vehicle)
        time.sleep(random.uniform(0.0, 0.1))
        pressed = time.monotonic()
        operator.send(type="stop")
        stood = vehicle.when(False, pressed, 2.0)
        missed += stood is None
        latencies += [] if stood is None else [(stood - pressed) * 1e3]
        operator.release()
    operator.is_silent = True
    operator.socket.close()
    return figures(latencies) | {"missed": missed}


def cut_by_close(operator: Operator) -> None:
    """A tab that is closed."""
    operator.is_silent = True
    operator.socket.close()


def cut_by_kill(operator: Operator) -> None:
    """A browser that is killed: the kernel resets its connection."""
    operator.is_silent = True
    raw = operator.socket.socket
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.shutdown(socket.SHUT_RDWR)


def cut_by_freeze(operator: Operator) -> None:
    """A laptop that falls asleep, or a network that is gone: silence."""
    operator.is_silent = True


def link_cuts(port: int, vehicle: Vehicle, trials: int) -> dict[str, Any]:
    """From the cut to the vehicle's command at zero, in ms, by kind of cut."""
    result = {}
    for cut in (cut_by_close, cut_by_kill, cut_by_freeze):
        latencies, missed = [], 0
        for _ in range(trials):
            operator = Operator(port)
            operator.set_off(vehicle)
            begun = time.monotonic()
            cut(operator)
            stood = vehicle.when(False, begun, 3.0)
            missed += stood is None
            latencies += [] if stood is None else [(stood - begun) * 1e3]
            operator.socket.close()
        result[cut.__name__.removeprefix("cut_by_")] = figures(latencies) | {"missed": missed}
    return result


def crowd(port: int, vehicle: Vehicle, process: psutil.Process, rounds: int) -> dict[str, Any]:
    """Pages that come and go: how the memory of the console grows, and how evenly the commands arrive meanwhile."""
    operator = Operator(port)
    operator.set_off(vehicle)
    sizes = []
    begun = 0.0
    for number in range(rounds + 20):
        if number == 20:  # caches are filled
            begun = time.monotonic()
            sizes.append(process.memory_info().rss)
        with connect(f"ws://127.0.0.1:{port}/live", proxy=None) as page:
            page.recv(timeout=10)  # and then never again: it is slow
            time.sleep(1 / RATE_HZ)
    sizes.append(process.memory_info().rss)
    operator.is_silent = True
    operator.socket.close()
    moving = [at for at, speed in vehicle.commands if at > begun and speed]
    gaps = np.abs(np.diff(moving) - 1 / RATE_HZ) * 1e3
    return {"grown_mb": (sizes[1] - sizes[0]) / 1e6, "jitter_ms": figures(gaps.tolist())}


def figures(values: list[float]) -> dict[str, Any]:
    """Return count, p50, p99 and maximum."""
    if not values:
        return {"count": 0}
    p50, p99 = np.percentile(values, (50, 99))
    return {"count": len(values), "p50": round(p50, 1), "p99": round(p99, 1), "max": round(max(values), 1)}


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
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit("the console does not start") from None
                time.sleep(0.2)
        yield psutil.Process(processes["console"].pid)


def main(
    trials: Annotated[int, typer.Option(min=1, help="Emergency stops.")] = 200,
    cuts: Annotated[int, typer.Option(min=1, help="Cuts of the link, of each kind.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Pages that come and go.")] = 200,
    watchers: Annotated[int, typer.Option(min=0, help="Pages that watch all the time.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure stops, cuts and crowds; print the figures and write JSON."""
    os.environ |= {"ROS_DOMAIN_ID": str(random.SystemRandom().randrange(1, 230)), "CYCLONEDDS_URI": LOOPBACK}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        Participant() as participant,
        robot(port, folder) as process,
        contextlib.ExitStack() as stack,
    ):
        vehicle = Vehicle(participant)
        stack.callback(vehicle.stop)
        looking = [Operator(port) for _ in range(1 + watchers)]
        for watcher in looking[1:]:
            watcher.is_silent = True
        looking[0].send(type="control", action="give")
        looking[0].is_silent = True
        result: dict[str, Any] = {"load": os.getloadavg()[0], "cores": os.cpu_count(), "watchers": watchers}
        for name, measure in (
            ("emergency_stop_ms", lambda: emergency_stops(port, vehicle, trials)),
            ("link_cut_ms", lambda: link_cuts(port, vehicle, cuts)),
            ("crowd", lambda: crowd(port, vehicle, process, rounds)),
        ):
            result[name] = measure()
            if json_file:  # what is measured is kept, whatever becomes of the rest
                json_file.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    typer.run(main)
