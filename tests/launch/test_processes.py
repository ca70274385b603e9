"""Many processes under one launcher: output, deaths, respawn, and that all of them end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from convoy.launch.processes import CANNOT_START, Process, run

PATIENCE_S = 20.0
"""For what happens at once on a quiet machine."""

Interrupt = Callable[..., None]

SLEEP = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready'); {SLEEP}"
IMMORTAL = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    f"print('ready'); {SLEEP}"
)


def python(name: str, code: str, respawn: bool = False, respawn_delay_s: float = 0.0) -> Process:
    return Process(name, [sys.executable, "-S", "-c", code], respawn, respawn_delay_s)


@pytest.fixture
def interrupt_when() -> Iterator[Interrupt]:
    """Sends a signal to this process, and so to the launcher in it, as soon as a file appears, or after a while."""
    threads: list[threading.Thread] = []
    over = threading.Event()

    def interrupt_when(path: Path, number: signal.Signals = signal.SIGINT, times: int = 1) -> None:
        def watch() -> None:
            _wait(lambda: path.exists() or over.is_set())
            for _ in range(times):
                if not over.is_set():
                    os.kill(os.getpid(), number)
                    over.wait(0.3)

        threads.append(threading.Thread(target=watch))
        threads[-1].start()

    yield interrupt_when
    over.set()
    for thread in threads:
        thread.join()


def _wait(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def touch(path: Path) -> str:
    return f"open({str(path)!r}, 'w').close(); "


def test_each_line_is_prefixed_by_its_process_and_keeps_its_stream(capfd: pytest.CaptureFixture[str]) -> None:
    code = run(
        [
            python(
                "robot/front", "import sys; print('one\\ntwo'); print('oh', file=sys.stderr); print('no end', end='')"
            ),
            python("rear", "print('x' * 200_000)"),
            python("binary", "import sys; sys.stdout.buffer.write(b'\\xff\\n')"),
        ]
    )
    out, err = capfd.readouterr()
    assert code == 0
    front = [line for line in out.splitlines() if line.startswith("[robot/front] ")]
    assert front == ["[robot/front] one", "[robot/front] two", "[robot/front] no end"]
    assert "[robot/front] oh\n" in err
    rear = [line.removeprefix("[rear] ") for line in out.splitlines() if line.startswith("[rear] ")]
    assert "".join(rear) == "x" * 200_000
    assert "[binary] \ufffd\n" in out
    assert "[launch] rear has finished\n" in err
    assert "\x1b[" not in out + err, "no colours where there is no terminal"


@pytest.mark.parametrize(("no_color", "prefix"), [(None, b"\x1b[36m[a]\x1b[0m "), ("1", b"[a] ")])
def test_prefixes_are_coloured_on_a_terminal_unless_no_color_is_set(no_color: str | None, prefix: bytes) -> None:
    code = "from convoy.launch.processes import *; run([Process('a', ['echo', 'hello'])])"
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {"NO_COLOR": no_color} if no_color else {}
    terminal, end = os.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=end, stderr=end, env=env, check=True, timeout=60)
    lines = os.read(terminal, 65536).split(b"\r\n")
    os.close(terminal)
    os.close(end)
    assert lines[1] == prefix + b"hello"


def test_a_death_leaves_the_others_running_and_its_code_is_the_result(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    survived = tmp_path / "survived"
    code = run(
        [
            python("weak", "raise SystemExit(3)"),
            python("killed", "import os, time; time.sleep(0.3); os.kill(os.getpid(), 9)"),
            python("strong", f"import time; time.sleep(0.6); {touch(survived)}"),
        ]
    )
    err = capfd.readouterr().err
    assert code == 3
    assert survived.exists()
    assert re.search(r"\[launch\] weak has died \(exit code 3\): .*python.* -c 'raise SystemExit\(3\)'", err)
    assert "[launch] killed has died (SIGKILL): " in err


def test_a_signal_that_ends_a_process_gives_128_plus_its_number() -> None:
    assert run([python("killed", "import os; os.kill(os.getpid(), 9)")]) == 137


def test_a_command_that_is_not_there_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([Process("ghost", ["/nowhere/ghost"]), python("other", "print('here')")]) == CANNOT_START
    out, err = capfd.readouterr()
    assert "ghost cannot be started: [Errno 2] No such file" in err
    assert "[other] here" in out


def test_a_process_is_started_again_after_its_delay_whatever_its_end(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, interrupt_when: Interrupt
) -> None:
    log, done = tmp_path / "log", tmp_path / "done"
    code = (
        f"import sys, time; f = open({str(log)!r}, 'a+'); f.write(f'{{time.time()}}\\n'); f.seek(0); "
        f"n = len(f.readlines()); f.close(); n < 3 and sys.exit(n - 1); {touch(done)}{SLEEP}"
    )
    interrupt_when(done)
    assert run([python("phoenix", code, respawn=True, respawn_delay_s=0.3)]) == 0
    first, second, third = map(float, log.read_text().split())
    assert second - first >= 0.3
    assert third - second >= 0.3
    err = capfd.readouterr().err
    assert "phoenix has finished; starts again in 0.3 s" in err
    assert "phoenix has died (exit code 1); starts again in 0.3 s" in err


def test_ctrl_c_ends_a_wait_for_respawn(tmp_path: Path, interrupt_when: Interrupt) -> None:
    done = tmp_path / "done"
    interrupt_when(done)
    begin = time.monotonic()
    assert run([python("late", touch(done), respawn=True, respawn_delay_s=600.0)]) == 0
    assert time.monotonic() - begin < PATIENCE_S


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_is_no_failure(
    tmp_path: Path, interrupt_when: Interrupt, number: signal.Signals
) -> None:
    ready, stopped = tmp_path / "ready", tmp_path / "stopped"
    clean = (
        "import signal, threading; e = threading.Event(); signal.signal(signal.SIGINT, lambda *_: e.set()); "
        f"{touch(ready)}e.wait(); {touch(stopped)}"
    )
    interrupt_when(ready, number)
    assert run([python("clean", clean), Process("plain", ["sleep", "600"])]) == 0
    assert stopped.exists()


def test_what_ignores_sigint_gets_sigterm_and_then_sigkill(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, interrupt_when: Interrupt
) -> None:
    ready = [tmp_path / "a", tmp_path / "b"]
    interrupt_when(ready[1])
    processes = [
        python("stubborn", touch(ready[0]) + STUBBORN),
        python(
            "immortal",
            f"import os, time\nwhile not os.path.exists({str(ready[0])!r}): time.sleep(0.01)\n"
            + IMMORTAL.replace("print('ready')", touch(ready[1]).rstrip("; ")),
        ),
    ]
    begin = time.monotonic()
    assert run(processes, sigterm_after_s=0.5, sigkill_after_s=0.5) == 137
    assert time.monotonic() - begin >= 1.0
    err = capfd.readouterr().err
    assert "still running after SIGINT: " in err
    assert "still running after SIGTERM: immortal\n" in err
    assert "immortal has not stopped cleanly (SIGKILL)" in err
    assert "stubborn has not" not in err


def test_a_second_ctrl_c_shortens_the_wait(tmp_path: Path, interrupt_when: Interrupt) -> None:
    ready = tmp_path / "ready"
    interrupt_when(ready, times=3)
    code = IMMORTAL.replace("print('ready')", touch(ready).rstrip("; "))
    begin = time.monotonic()
    assert run([python("immortal", code)], sigterm_after_s=600.0, sigkill_after_s=600.0) == 137
    assert time.monotonic() - begin < PATIENCE_S


def test_a_failure_while_stopping_is_the_result(tmp_path: Path, interrupt_when: Interrupt) -> None:
    ready = tmp_path / "ready"
    interrupt_when(ready)
    code = (
        f"import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(4)); {touch(ready)}time.sleep(600)"
    )
    assert run([python("clumsy", code)]) == 4


def test_what_a_process_leaves_behind_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    child = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); "
    assert run([python("parent", child + f"open({str(pid)!r}, 'w').write(str(p.pid))")]) == 0
    assert _wait(lambda: _is_gone(int(pid.read_text())))


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


LAUNCHER = """
import sys
from convoy.launch.processes import Process, run
sys.exit(run([Process(str(i), [sys.executable, "-S", "-c", code]) for i, code in enumerate(sys.argv[1:])], 0.5, 0.5))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_launcher_that_is_killed_leaves_no_orphan(number: signal.Signals, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    polite = (
        "import signal, threading; e = threading.Event(); signal.signal(signal.SIGINT, lambda *_: e.set()); "
        f"print('ready', flush=True); e.wait(); {touch(clean)}"
    )
    family = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {IMMORTAL!r}]); {SLEEP}"
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, polite, IMMORTAL, family], stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    ready = {launcher.stdout.readline() for _ in range(3)}
    assert ready == {"[0] ready\n", "[1] ready\n", "[2] ready\n"}
    children = psutil.Process(launcher.pid).children(recursive=True)
    assert len(children) == 5  # three processes, the child of one of them, and the guard
    launcher.send_signal(number)
    launcher.wait()
    launcher.stdout.close()
    assert _wait(lambda: all(_is_gone(child.pid) for child in children))
    assert clean.exists(), "first of all they are asked kindly"


def test_when_nobody_reads_the_output_all_is_stopped() -> None:
    talk = "import time\nwhile True: print('x' * 1000, flush=True); time.sleep(0.01)"
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, talk], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert launcher.stdout is not None
    launcher.stdout.readline()
    launcher.stdout.close()
    assert launcher.wait(PATIENCE_S) == 0
