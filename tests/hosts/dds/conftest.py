"""Real DDS on loopback: every test has a domain of its own, and its processes end with it."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from convoy.hosts.dds import Participant
from convoy.hosts.dds.domain import LOOPBACK

HERE = Path(__file__).parent
PATIENCE_S = 60.0
"""A machine that is busy with a training starts Python in half a minute."""


class Process:
    """A process in the test's domain; its output lines can be waited for."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def wait_for(self, text: str) -> str:
        """Return the first line from now on that holds `text`."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.said.append(self._lines.get(timeout=left))
            except queue.Empty:
                break
            if text in self.said[-1]:
                return self.said[-1]
        raise AssertionError(f"{text!r} was not said, but:\n" + "\n".join(self.said))

    @property
    def pid(self) -> int:
        """Of the process itself."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the process and all that it has started, as a terminal's Ctrl-C does."""
        os.killpg(self._process.pid, number)

    def end(self) -> int:
        """Wait for the process's end; returns its exit code."""
        code = self._process.wait(PATIENCE_S)
        while not self._lines.empty():
            self.said.append(self._lines.get())
        return code

    def kill(self) -> None:
        """End it, and all that it has started, without asking."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """A domain of this test's own, on loopback; holds for the processes it starts as well."""
    number = random.SystemRandom().randrange(1, 230)
    for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_STATIC_PEERS", "ROS_LOCALHOST_ONLY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    return number


@pytest.fixture
def participant(domain: int) -> Iterator[Participant]:
    """A participant of this process in the test's domain."""
    with Participant(domain) as participant:
        yield participant


@pytest.fixture
def start(domain: int) -> Iterator[Callable[..., Process]]:
    """Starts ``python ARGUMENTS...``, or what ``program=`` says instead of python, in the test's domain."""
    processes: list[Process] = []

    def start_(*arguments: object, program: Sequence[str] = (sys.executable, "-u")) -> Process:
        processes.append(Process([*program, *map(str, arguments)]))
        return processes[-1]

    yield start_
    for process in processes:
        process.kill()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something becomes true."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)

    return wait
