"""Pages of the operator's, without a browser, as a process of its own: it can be killed, frozen and put to sleep.

    python page.py PORT drive                  # takes the wheel, and holds the throttle 20 times a second
    python page.py PORT watch COUNT PAUSE_S    # looks at every picture; a page that pauses after each message is slow
    python page.py PORT come-and-go            # opens and closes pages

Each line that it reads is an order, in JSON: ``{"throttle": 0.5}`` is held from then on, ``{"send": {...}}`` is a
message to the console, ``{"close": true}`` closes the page, ``{"rounds": 20}`` has so many pages come and go. It writes
lines of JSON: what the console says of its state, how old each picture was, and the end of the rounds.
"""

from __future__ import annotations

import contextlib
import json
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PERIOD_S = 0.05
CLOCK_EVERY_S = 2.0
SLOW_S = 0.05
FRAME_HEADER = struct.Struct("<BxxxId")


def main() -> None:
    """Be the pages that the command line wants."""
    address, role = f"ws://127.0.0.1:{sys.argv[1]}/live", sys.argv[2]
    if role == "drive":
        Driver(address).obey()
    elif role == "watch":
        watch(address, int(sys.argv[3]), float(sys.argv[4]))
    else:
        come_and_go(address)


def orders() -> Iterator[dict[str, Any]]:
    """Read orders until there are no more."""
    for line in sys.stdin:
        yield json.loads(line)


def tell(**message: Any) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Driver:
    """What the page's scripts do for a person who has the wheel."""

    def __init__(self, address: str) -> None:
        self._socket: ClientConnection = connect(address, proxy=None, max_queue=None).__enter__()
        self._samples: list[tuple[float, float]] = []
        """Round trip and offset of the console's clock; the shortest counts."""
        self._throttle = 0.0
        threading.Thread(target=self._receive, daemon=True).start()
        threading.Thread(target=self._drive, daemon=True).start()

    def obey(self) -> None:
        """Do as ordered."""
        for order in orders():
            self._throttle = order.get("throttle", self._throttle)
            if "send" in order:
                self._send(**order["send"])
            if "close" in order:
                self._socket.close()

    def _send(self, **message: Any) -> None:
        self._socket.send(json.dumps(message))

    def _receive(self) -> None:
        for message in self._socket:
            now = time.monotonic()
            if isinstance(message, bytes):
                _, number, at = FRAME_HEADER.unpack_from(message)
                self._send(type="seen", frame=number)
                if self._samples:
                    tell(type="picture", age=now + self._offset - at)
                continue
            read = json.loads(message)
            if read["type"] == "clock":
                trip = now - read["sent"]
                self._samples = [*self._samples[-7:], (trip, read["now"] - read["sent"] - trip / 2)]
            elif read["type"] == "state":
                tell(**read)

    @property
    def _offset(self) -> float:
        return min(self._samples)[1]

    def _drive(self) -> None:
        self._send(type="control", action="take")
        due = asked = time.monotonic()
        sequence = 0
        while True:
            now = time.monotonic()
            if not self._samples or now - asked > CLOCK_EVERY_S:
                self._send(type="clock", sent=now)
                asked = now
            if self._samples:
                sequence += 1
                held = {"steering": 0.0, "throttle": self._throttle}
                self._send(type="drive", sequence=sequence, stamp=now + self._offset, **held)
            due = max(due + PERIOD_S, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


def watch(address: str, count: int, pause_s: float) -> None:
    """Look at all that comes, until there are no more orders; a page that is disconnected, being slow, comes back."""

    def look() -> None:
        while True:
            with contextlib.suppress(ConnectionClosed, OSError), connect(address, proxy=None) as socket:
                for message in socket:
                    if isinstance(message, bytes):
                        socket.send(json.dumps({"type": "seen", "frame": FRAME_HEADER.unpack_from(message)[1]}))
                    time.sleep(pause_s)
            time.sleep(1.0)

    for _ in range(count):
        threading.Thread(target=look, daemon=True).start()
    for _ in orders():
        pass


def come_and_go(address: str) -> None:
    """Open a page, hear one message, be slow, and close it, again and again."""
    for order in orders():
        for _ in range(order["rounds"]):
            with connect(address, proxy=None) as socket:
                socket.recv(timeout=30)
                time.sleep(SLOW_S)
        tell(type="rounds", rounds=order["rounds"])


if __name__ == "__main__":
    try:
        main()
    except (ConnectionClosed, OSError, KeyboardInterrupt) as error:
        sys.exit(f"the page has ended: {error}")
