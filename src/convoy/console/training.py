"""Trains on takes, in a process of its own: the same verb as on the command line, watched while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from convoy.console.errors import ConsoleError
from convoy.console.parameters import ConsoleParameters
from convoy.console.recording import HUMAN, PICTURE

POLL_S = 0.3
STOP_WITHIN_S = 10.0
"""From Ctrl-C to the kill."""
NICE = 10
"""The training gives way to what drives the robot."""
LAST_WORDS = 20
FINE = ["--no-mirror", "--lr", "3e-4", "--dropout", "0.1"]
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Course:
    """How a training goes: preparing, training, done, failed or cancelled."""

    model: str
    takes: Sequence[str]
    epochs: int
    state: str = "preparing"
    said: str = ""
    losses: list[float] = field(default_factory=list)
    """Root mean square of the steering error that validation finds, in rad, epoch by epoch."""
    training: list[float] = field(default_factory=list)
    """Loss on what is learned from, epoch by epoch; of no unit."""
    done: int = 0
    seconds: float = 0.0


class Training:
    """At most one training at a time.

    Args:
        parameters: where models and checkpoints are kept, and what is trained.
        on_change: is told whenever there is something new to show.
    """

    def __init__(self, parameters: ConsoleParameters, on_change: Callable[[], None]) -> None:
        self.course: Course | None = None
        self._parameters, self._on_change = parameters, on_change
        self._models, self._runs = parameters.folder / "models", parameters.folder / "training"
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    @property
    def is_running(self) -> bool:
        """Whether a training runs."""
        return self._task is not None and not self._task.done()

    def view(self) -> dict[str, Any] | None:
        """Return the course for the pages."""
        return asdict(self.course) if self.course else None

    def start(self, takes: Sequence[Path], epochs: int) -> None:
        """Start a training on bags of takes.

        Raises:
            ConsoleError: one runs already.
        """
        if self.is_running:
            raise ConsoleError("a training runs already; cancel it, or wait for it")
        name = time.strftime("model-%Y%m%d-%H%M%S")
        self.course, self._cancelled = Course(name, [take.name for take in takes], epochs), False
        self._task = asyncio.get_running_loop().create_task(self._run(self.course, takes))

    def cancel(self) -> None:
        """End the training that runs, if one does; what it has is thrown away."""
        if self.is_running and not self._cancelled:
            self._cancelled = True
            self._signal(signal.SIGINT)
            asyncio.get_running_loop().call_later(STOP_WITHIN_S, self._signal, signal.SIGKILL)

    async def close(self) -> None:
        """End what runs, and wait for its end."""
        if self._task is not None and self.is_running:
            self._cancelled = True
            self._signal(signal.SIGKILL)
            await self._task

    def _command(self, course: Course, takes: Sequence[Path], log: Path) -> list[str]:
        data = [argument for take in takes for argument in ("--data", f"bag:{take}")]
        topics = ["--image-topic", PICTURE, "--drive-topic", HUMAN]
        folder = self._runs / course.model
        written = ["--out", str(self._models / f"{course.model}.onnx"), "--run", str(folder), "--log", str(log)]
        sizes = ["--epochs", str(course.epochs), "--members", str(self._parameters.train_members)]
        # -P: a file in the working directory must not stand in for a module.
        return [
            sys.executable,
            "-P",
            "-m",
            "convoy",
            "train",
            "steering",
            *data,
            *topics,
            *written,
            *sizes,
            *self._start(),
        ]

    def _start(self) -> list[str]:
        """What to begin as. A model that drives is changed with care, and not shown roads the other way round."""
        p = self._parameters
        if p.start_model == Path():
            return []
        mounting = [f"--camera-height={p.camera_height}", f"--camera-pitch={p.camera_pitch}"]
        return ["--start", str(p.start_model), *mounting, f"--wheelbase={p.wheelbase}", *FINE]

    async def _run(self, course: Course, takes: Sequence[Path]) -> None:
        begun, log = time.monotonic(), self._runs / course.model / "epochs.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._models.mkdir(parents=True, exist_ok=True)
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command(course, takes, log),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
        )
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        with contextlib.suppress(OSError):  # where Linux groups by session, that holds within the session only
            Path(f"/proc/{process.pid}/autogroup").write_text(str(NICE))
        if self._cancelled:  # while it was being started
            self._signal(signal.SIGINT)
        assert process.stdout is not None
        said: list[str] = []
        reading = asyncio.create_task(_read(process.stdout, said))
        ended = asyncio.create_task(process.wait())
        while not ended.done():
            await asyncio.wait({ended}, timeout=POLL_S)
            course.seconds = round(time.monotonic() - begun, 1)
            self._follow(course, log)
        await reading
        self._follow(course, log)
        if self._cancelled:
            course.state, course.said = "cancelled", "cancelled; nothing was kept"
        elif process.returncode == 0:
            course.state, course.said = "done", f"trained in {course.seconds:.0f} s"
        else:
            course.state = "failed"
            lines = [line for line in said if line.startswith("convoy: ")] or said or ["it ended without a word"]
            course.said = lines[-1].removeprefix("convoy: ")
        self._on_change()

    def _follow(self, course: Course, log: Path) -> None:
        with contextlib.suppress(OSError):
            whole = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
            epochs = [json.loads(line) for line in whole]
            course.losses = [round(epoch["rmse"], 6) for epoch in epochs]
            course.training = [round(epoch["loss"], 6) for epoch in epochs]
            course.done = len(epochs)
            if epochs:
                course.state = "training"
        course.epochs = max(course.epochs, course.done)
        self._on_change()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


async def _read(stream: asyncio.StreamReader, said: list[str]) -> None:
    """Keep the last lines of what a process says; a progress bar's are many, and some are long."""
    rest = b""
    while part := await stream.read(4096):
        *lines, rest = (rest + part).replace(b"\r", b"\n").split(b"\n")
        rest = rest[-4096:]
        said += [line for raw in lines if (line := _COLOUR.sub("", raw.decode(errors="replace")).strip())]
        del said[:-LAST_WORDS]
    if last := _COLOUR.sub("", rest.decode(errors="replace")).strip():
        said.append(last)
