"""The operator's page: how fast an emergency stop and a cut link stop the vehicle, and what many pages cost.

Console, drive mode and supervisor run as they do on a robot, each a DDS participant on loopback; pages are WebSocket
clients in processes of their own, one part is of a real browser. Under load: pictures of 640x360 at 20 Hz, ten pages
that watch each of them, and three that are slow. The vehicle is a subscription to ``drive``.

    python benchmarks/console.py --json console.json
    python benchmarks/console.py --json console.json --only crowd      # that part anew, into the same file
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from pages.browser import Browser
from pages.robot import RATE_HZ, START_S, Relay, Vehicle, robot, wait

from convoy.hosts.dds.domain import LOOPBACK
from convoy.hosts.dds.participant import Participant

STOPS_WITHIN_MS = 300.0
KEEPS_S = 0.5
"""How long a vehicle has to keep moving, or standing, to be believed."""
SLOW_PAGES, SLOW_S = 3, 0.3
WARM_UP = 60
"""Pages that come and go until everything has been touched once: after 40 the memory is flat."""


class Part(StrEnum):
    """What is measured."""

    STOP = "emergency_stop_ms"
    CUT = "link_cut_ms"
    CROWD = "crowd"
    BROWSER = "browser"


class Pages:
    """A process of `pages/page.py`."""

    def __init__(self, port: int, *role: str) -> None:
        command = [sys.executable, str(Path(__file__).parent / "pages/page.py"), str(port), *role]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )
        self.state: dict[str, Any] = {}
        self.pictures: list[tuple[float, float]] = []
        """When each was shown, and how old it was, in ms."""
        self.rounds = 0
        threading.Thread(target=self._hear, daemon=True).start()

    def order(self, **order: Any) -> None:
        """Have it do something."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Kill it, as a browser that crashes: the kernel closes its connections."""
        self.process.kill()
        self.process.wait()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            read = json.loads(line)
            if read["type"] == "state":
                self.state = read
            elif read["type"] == "picture":
                self.pictures.append((time.monotonic(), read["age"] * 1e3))
            else:
                self.rounds += read["rounds"]

    # What a person does.

    def set_off(self, vehicle: Vehicle, mode: str) -> None:
        """Bring the vehicle to move: a throttle that is held counts for nothing, so let go first."""
        self.order(throttle=0.0)
        self._wait(lambda state: state.get("wheel", {}).get("mine"), "the page does not get the wheel")
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.order(send={"type": "mode", "mode": mode})
            time.sleep(0.3)
            begun = time.monotonic()
            self.order(throttle=1.0)
            if vehicle.when(True, begun, 1.5) and self._keeps_moving(vehicle):
                return
            self.order(throttle=0.0)  # on a busy machine the link may seem to be lost for a moment
            time.sleep(0.2)
        raise SystemExit(f"the vehicle does not move; the page says {self.state}")

    def _keeps_moving(self, vehicle: Vehicle) -> bool:
        begun = time.monotonic()
        time.sleep(KEEPS_S)
        commands = vehicle.since(begun)
        return bool(commands) and all(speed for _, speed, _ in commands)

    def release(self) -> None:
        """Release the emergency stop, as a held button does; a press that came late was too short, and is repeated."""
        self.order(throttle=0.0)
        self._wait(lambda state: state.get("emergency"), "the emergency stop is not confirmed")
        deadline = time.monotonic() + START_S
        while self.state.get("emergency"):
            if time.monotonic() > deadline:
                raise SystemExit(f"the emergency stop is not released; the page says {self.state}")
            self.order(send={"type": "release", "phase": "press"})
            time.sleep(0.95)
            self.order(send={"type": "release", "phase": "release"})
            confirmed = time.monotonic() + 1.0
            while self.state.get("emergency") and time.monotonic() < confirmed:
                time.sleep(0.01)

    def _wait(self, fits: Callable[[dict[str, Any]], Any], otherwise: str) -> None:
        wait(lambda: bool(fits(self.state)), START_S, lambda: f"{otherwise}; it says {self.state}")


def emergency_stops(port: int, vehicle: Vehicle, trials: int) -> dict[str, Any]:
    """From the page's message to the vehicle's command at zero, in ms; in manual and assisted mode by turns."""
    page, latencies, missed = Pages(port, "drive"), [], 0
    for number in range(trials):
        page.set_off(vehicle, ("manual", "assisted")[number % 2])
        time.sleep(random.uniform(0.0, 0.1))
        pressed = time.monotonic()
        page.order(send={"type": "stop"})
        stood = vehicle.when(False, pressed, 2.0)
        missed += stood is None
        latencies += [] if stood is None else [(stood - pressed) * 1e3]
        page.release()
    page.end()
    return figures(latencies) | {"missed": missed}


def closed(page: Pages, relay: Relay) -> None:
    """A tab that is closed, and says so."""
    page.order(close=True)


def killed(page: Pages, relay: Relay) -> None:
    """A browser that is killed: the kernel closes its connection."""
    page.process.send_signal(signal.SIGKILL)


def frozen(page: Pages, relay: Relay) -> None:
    """A network that is gone while both ends believe to be connected; then what was held back arrives."""
    relay.freeze()


def asleep(page: Pages, relay: Relay) -> None:
    """A laptop that is closed; then it wakes, with the throttle still held."""
    page.process.send_signal(signal.SIGSTOP)


def link_cuts(port: int, vehicle: Vehicle, trials: int) -> dict[str, Any]:
    """From the cut to the vehicle's command at zero, in ms, by kind of cut, in manual and assisted mode by turns.

    ``missed`` are those later than `STOPS_WITHIN_MS`; ``set_off`` those that moved again when the link was back.
    """
    result = {}
    for cut in (closed, killed, frozen, asleep):
        latencies: list[float] = []
        missed = again = 0
        for number in range(trials):
            relay = Relay(port)
            page = Pages(relay.port, "drive")
            page.set_off(vehicle, ("manual", "assisted")[number % 2])
            time.sleep(random.uniform(0.0, 0.05))
            begun = time.monotonic()
            cut(page, relay)
            stood = vehicle.when(False, begun, 3.0)
            missed += stood is None or (stood - begun) * 1e3 > STOPS_WITHIN_MS
            latencies += [] if stood is None else [(stood - begun) * 1e3]
            time.sleep(0.3)
            back = time.monotonic()
            relay.thaw()
            page.process.send_signal(signal.SIGCONT)
            again += vehicle.when(True, back, KEEPS_S) is not None
            page.end()
            relay.end()
        result[cut.__name__] = figures(latencies) | {"missed": missed, "set_off": again}
    return result


def crowd(port: int, vehicle: Vehicle, process: psutil.Process, rounds: int) -> dict[str, Any]:
    """Pages that come and go while one drives: growth of the console's memory, evenness of commands, age of pictures.

    The commands' times are when the supervisor sent them; the jitter is by how much the time between two is off 50 ms.
    """
    page, visitors = Pages(port, "drive"), Pages(port, "come-and-go")
    visitors.order(rounds=WARM_UP)
    wait(lambda: visitors.rounds == WARM_UP, START_S, lambda: "pages can't be opened")
    time.sleep(1.0)
    before, jitter, stood, expected = process.memory_info().rss, {}, 0, WARM_UP
    begun = time.monotonic()
    for mode in ("manual", "assisted"):
        page.set_off(vehicle, mode)
        expected += rounds // 2
        since = time.monotonic()
        visitors.order(rounds=rounds // 2)
        wait(lambda: visitors.rounds == expected, START_S, lambda: "pages can't be opened")  # noqa: B023
        commands = vehicle.since(since)
        stood += sum(not speed for _, speed, _ in commands)
        gaps = np.diff([sent for _, _, sent in commands]) / 1e6
        jitter[mode] = figures(np.abs(gaps - 1e3 / RATE_HZ).tolist())
    time.sleep(1.0)
    grown = (process.memory_info().rss - before) / 1e6
    shown = [(at, age) for at, age in page.pictures if at >= begun]
    rate = (len(shown) - 1) / (shown[-1][0] - shown[0][0])
    page.end()
    visitors.end()
    pictures = figures([age for _, age in shown]) | {"per_s": round(rate, 1)}
    return {"grown_mb": round(grown, 3), "jitter_ms": jitter, "commands_at_zero": stood, "picture_age_ms": pictures}


def in_browser(port: int, vehicle: Vehicle, trials: int) -> dict[str, Any]:
    """Chromium: from the space bar to the vehicle's command at zero, and how old pictures are when they are drawn."""
    latencies, missed = [], 0
    with Browser(port) as browser:
        for _ in range(trials):
            browser.set_off(vehicle)
            pressed = browser.stop()
            stood = vehicle.when(False, pressed, 2.0)
            missed += stood is None
            latencies += [] if stood is None else [(stood - pressed) * 1e3]
            browser.release()
        ages, rate = browser.pictures()
    stops = figures(latencies) | {"missed": missed}
    return {"emergency_stop_ms": stops, "picture_age_ms": figures(ages) | {"per_s": rate}}


def figures(values: list[float]) -> dict[str, Any]:
    """Return count, p50, p99 and maximum."""
    if not values:
        return {"count": 0}
    p50, p99 = np.percentile(values, (50, 99))
    return {"count": len(values), "p50": round(p50, 1), "p99": round(p99, 1), "max": round(max(values), 1)}


def main(
    trials: Annotated[int, typer.Option(min=1, help="Emergency stops; a tenth of them in the browser.")] = 200,
    cuts: Annotated[int, typer.Option(min=1, help="Cuts of the link, of each kind.")] = 100,
    rounds: Annotated[int, typer.Option(min=2, help="Pages that come and go.")] = 200,
    watchers: Annotated[int, typer.Option(min=1, help="Pages that watch all the time.")] = 10,
    only: Annotated[list[Part] | None, typer.Option(help="Measure this part only; may be repeated.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure stops, cuts, crowds and a browser; print the figures and write JSON."""
    os.environ |= {"ROS_DOMAIN_ID": str(random.SystemRandom().randrange(1, 230)), "CYCLONEDDS_URI": LOOPBACK}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result: dict[str, Any] = {}
    if only and json_file and json_file.exists():
        result = json.loads(json_file.read_text())
    with (
        tempfile.TemporaryDirectory() as folder,
        Participant() as participant,
        robot(port, folder) as process,
        contextlib.ExitStack() as stack,
    ):
        vehicle = Vehicle(participant)
        stack.callback(vehicle.stop)
        for watching in (("watch", str(watchers), "0"), ("watch", str(SLOW_PAGES), str(SLOW_S))):
            stack.callback(Pages(port, *watching).end)
        measures: dict[Part, Callable[[], dict[str, Any]]] = {
            Part.STOP: lambda: emergency_stops(port, vehicle, trials),
            Part.CUT: lambda: link_cuts(port, vehicle, cuts),
            Part.CROWD: lambda: crowd(port, vehicle, process, rounds),
            Part.BROWSER: lambda: in_browser(port, vehicle, max(1, trials // 10)),
        }
        for part in only or list(Part):
            found = measures[part]()
            result[part] = found | {"load": round(os.getloadavg()[1], 1), "cores": os.cpu_count(), "watchers": watchers}
            if json_file:  # what is measured is kept, whatever becomes of the rest
                json_file.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    typer.run(main)
