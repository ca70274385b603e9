"""Runs processes side by side until they have ended or the user stops them; none outlives the launcher."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convoy.launch.console import Console, Lines

SIGTERM_AFTER_S = 5.0
"""From SIGINT, which asks a node to stop, to SIGTERM; as in ros2 launch."""
SIGKILL_AFTER_S = 5.0
"""From SIGTERM to SIGKILL; as in ros2 launch."""
LAST_WORDS_S = 1.0
"""How long output is still read after a process has ended."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLEAN_STOPS = (0, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)
CANNOT_START = 127


@dataclass(frozen=True)
class Process:
    """One process to run.

    Attributes:
        name: stands before each line of its output.
        respawn: start it again whenever it ends, after `respawn_delay_s`.
    """

    name: str
    command: Sequence[str]
    respawn: bool = False
    respawn_delay_s: float = 0.0


def run(
    processes: Sequence[Process], sigterm_after_s: float = SIGTERM_AFTER_S, sigkill_after_s: float = SIGKILL_AFTER_S
) -> int:
    """Run all processes until all have ended.

    One that dies leaves the others running. SIGINT (Ctrl-C), SIGTERM or SIGHUP to the launcher stops all: each gets
    SIGINT, then SIGTERM, then SIGKILL, with time in between; a further Ctrl-C shortens that. Each process has a process
    group of its own, and what it leaves of it when it ends is killed. When the launcher itself is killed, a small
    program that watches it (`convoy.launch.guard`) stops them in the same way.

    Returns:
        The exit code of the first one that failed, 128 + N where signal N ended it; 0 if none failed. To end by the
        signal that asked for it is no failure, nor is an end after which the process is started again.
    """
    return asyncio.run(_Launcher(sigterm_after_s, sigkill_after_s).run(processes))


class _Launcher:
    def __init__(self, sigterm_after_s: float, sigkill_after_s: float) -> None:
        self._ladder = ((signal.SIGINT, sigterm_after_s), (signal.SIGTERM, sigkill_after_s))
        self._console = Console(sys.stdout, sys.stderr, self._stop)
        self._running: dict[int, Process] = {}
        self._stopping = asyncio.Event()
        self._urged = asyncio.Event()
        self._exit_code = 0

    async def run(self, processes: Sequence[Process]) -> int:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._stop)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), *(str(s) for _, s in self._ladder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            bufsize=1,
        )
        try:
            stopper = asyncio.create_task(self._stop_all())
            await asyncio.gather(*(self._keep(process) for process in processes))
            stopper.cancel()
        finally:
            self._send(signal.SIGKILL)
            self._guard.communicate()
        return self._exit_code

    def _stop(self) -> None:
        (self._urged if self._stopping.is_set() else self._stopping).set()

    async def _keep(self, process: Process) -> None:
        """Run one process, and again if it is to be respawned."""
        while not self._stopping.is_set():
            code = await self._once(process)
            if code is None or self._stopping.is_set():
                return
            how = "has finished" if code == 0 else f"has died ({_describe(code)})"
            if not process.respawn:
                if code:
                    self._fail(code, f"{process.name} {how}: {shlex.join(process.command)}")
                else:
                    self._console.say(f"{process.name} {how}")
                return
            self._console.complain(f"{process.name} {how}; starts again in {process.respawn_delay_s:g} s")
            await _happens(self._stopping, within_s=process.respawn_delay_s)

    async def _once(self, process: Process) -> int | None:
        """Run one process and return its exit code, negative for a signal; None if it could not be started."""
        console = self._console
        try:
            transport, child = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Child(
                    lambda pid: self._started(pid, process),
                    Lines(lambda line: console.line(console.out, process.name, line)),
                    Lines(lambda line: console.line(console.err, process.name, line)),
                ),
                *process.command,
                stdin=subprocess.DEVNULL,
                process_group=0,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            self._fail(CANNOT_START, f"{process.name} cannot be started: {error}")
            return None
        pid = transport.get_pid()
        if self._stopping.is_set():
            _signal(pid, signal.SIGINT)
        await child.exited.wait()
        _signal(pid, signal.SIGKILL)
        await _happens(child.silent, within_s=LAST_WORDS_S)
        transport.close()
        del self._running[pid]
        self._tell_guard(f"-{pid}")
        code = transport.get_returncode()
        assert code is not None
        if self._stopping.is_set() and code not in CLEAN_STOPS:
            self._fail(code, f"{process.name} has not stopped cleanly ({_describe(code)})")
        return code

    def _started(self, pid: int, process: Process) -> None:
        self._running[pid] = process
        self._tell_guard(f"+{pid}")
        self._console.say(f"{process.name} has started, pid {pid}")

    async def _stop_all(self) -> None:
        """Once asked to, stop what runs: first kindly, then less so."""
        await self._stopping.wait()
        self._console.say("stopping")
        for number, patience_s in self._ladder:
            self._send(number)
            await _happens(self._urged, within_s=patience_s)
            self._urged.clear()
            names = ", ".join(process.name for process in self._running.values())
            self._console.complain(f"still running after {number.name}: {names}")
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for group in self._running:
            _signal(group, number)

    def _tell_guard(self, line: str) -> None:
        assert self._guard.stdin
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(f"{line}\n")

    def _fail(self, code: int, line: str) -> None:
        self._console.complain(line)
        self._exit_code = self._exit_code or (code if code > 0 else 128 - code)


class _Child(asyncio.SubprocessProtocol):
    """Cuts a process's output into lines, and tells its end from the end of its output, which its children may hold."""

    def __init__(self, on_start: Callable[[int], None], out: Lines, err: Lines) -> None:
        self._on_start = on_start
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        self._streams = {1: out, 2: err}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._on_start(transport.get_pid())

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._streams[fd].feed(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._streams.pop(fd).end()
        if not self._streams:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()


async def _happens(event: asyncio.Event, *, within_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within_s)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _describe(code: int) -> str:
    names = {number.value: number.name for number in signal.Signals}
    return f"exit code {code}" if code >= 0 else names.get(-code, f"signal {-code}")
