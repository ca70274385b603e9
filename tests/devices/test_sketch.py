"""The sketch of docs/actuators.md, compiled as it stands there, answers our driver over a terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convoy.devices.channel import Channel
from convoy.devices.errors import DeviceError
from convoy.devices.line_protocol import LineController, line
from convoy.devices.serial_port import SerialPort

PATIENCE_S = 10.0

ARDUINO = r"""
// What the sketch uses of the Arduino library, on a terminal (file 0); each pulse is a line on file 1.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <unistd.h>
typedef unsigned char byte;
template <class T, class L, class H> T constrain(T x, L low, H high) { return x < low ? low : x > high ? high : x; }
unsigned long millis() {
  using namespace std::chrono;
  static const auto start = steady_clock::now();
  return duration_cast<milliseconds>(steady_clock::now() - start).count();
}
struct FakeSerial {
  void begin(long) {}
  int available() {
    pollfd it = {0, POLLIN, 0};
    return poll(&it, 1, 1) > 0 && it.revents & POLLIN;
  }
  int read() { unsigned char c; if (::read(0, &c, 1) != 1) exit(0); return c; }
  void print(char c) { if (::write(0, &c, 1) != 1) exit(0); }
  void print(const char *s) { if (::write(0, s, strlen(s)) < 0) exit(0); }
} Serial;
"""

SERVO = r"""
struct Servo {
  int pin = 0;
  void attach(int number) { pin = number; }
  void writeMicroseconds(int us) { printf("%d %d\n", pin, us); fflush(stdout); }
};
"""

MAIN = """
int main() { setup(); for (;;) loop(); }
"""


@pytest.fixture(scope="module")
def program(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sketch as a program of this machine."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("compiles the sketch with g++, which is not here")
    found = re.search(r"```cpp\n(.*?)```", (root / "docs/actuators.md").read_text(), re.DOTALL)
    assert found, "the sketch stands in docs/actuators.md"
    folder = tmp_path_factory.mktemp("sketch")
    (folder / "Servo.h").write_text(SERVO)
    (folder / "sketch.cpp").write_text(ARDUINO + found[1] + MAIN)
    # What a compiler would only warn of, and what would be noticed on no board, fails here.
    command = [compiler, "-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-g"]
    made = subprocess.run(
        [*command, f"-I{folder}", "-o", folder / "sketch", folder / "sketch.cpp"], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return folder / "sketch"


class Board:
    """The sketch on a board: its port, and what its two pins put out."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._ours, self._its = os.openpty()
        for file in (self._ours, self._its):
            tty.setraw(file, termios.TCSANOW)
        self.port = os.ttyname(self._its)
        self.start()

    def start(self) -> None:
        """Give it power, or press its reset button."""
        self._process = subprocess.Popen([self._program], stdin=self._ours, stdout=subprocess.PIPE, text=True)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
        termios.tcflush(self._ours, termios.TCIFLUSH)  # what has not been read is lost with the power

    def pulses(self) -> tuple[int, int]:
        """Return the next pulses that are put out."""
        assert self._process.stdout is not None
        (steering, first), (throttle, second) = (self._process.stdout.readline().split() for _ in range(2))
        assert (steering, throttle) == ("9", "10"), "the pins"
        return int(first), int(second)

    def close(self) -> None:
        self.stop()
        os.close(self._ours)
        os.close(self._its)


@pytest.fixture
def board(program: Path) -> Iterator[Board]:
    board = Board(program)
    yield board
    board.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_our_driver_drives_it_and_silence_brings_it_to_neutral(board: Board) -> None:
    port = SerialPort(board.port, 115200)
    driver = LineController(port, (Channel(1480, 300), Channel(1510, 400)))

    def answers() -> bool:
        driver.write(0.5, 0.25)
        return driver.poll() is not None

    until(answers)
    assert board.pulses() == (1480, 1510), "neutral is the first that it is told"
    driver.write(0.5, 0.25)
    until(lambda: board.pulses() == (1630, 1610))
    heard = time.monotonic()
    until(lambda: board.pulses() == (1480, 1510))
    assert time.monotonic() - heard > 0.1
    assert board.pulses() == (1480, 1510), "again and again"
    driver.close()


def test_it_obeys_nothing_that_is_damaged_and_nothing_before_neutral(board: Board) -> None:
    port = SerialPort(board.port, 115200)
    good = line("D", 1700, 1700)
    bad = [
        good,
        b"\n",
        b"\r\n",
        b"$*00\n",
        good.replace(b"*", b"#"),
        b"x" * 500 + b"\n",
        b"$N,1500*00\n",
        good[:-1] + b"0\n",
    ]
    port.write(b"".join(bad) + line("N", 1500, 1500) + b"$D,1700,1700*00\n" + line("X", 1700, 1700))
    port.write(good[:-5] + b"\n" + good[:-5] + line("D", 1601, 9999))
    assert board.pulses() == (1500, 1500)
    assert board.pulses() == (1601, 2200), "no servo is given more than 2200 us"
    said = b""

    def all_is_said() -> bool:
        nonlocal said
        said += port.read()
        return said.count(b"\n") >= 3

    until(all_is_said)
    assert said == line("R") + line("A", 1500, 1500) + line("A", 1601, 2200)
    port.close()


def test_a_board_that_starts_anew_says_so_and_waits_for_neutral(board: Board) -> None:
    driver = LineController(SerialPort(board.port, 115200), (Channel(), Channel()))

    def answers() -> bool:
        driver.write(0.0, 0.5)
        return driver.poll() is not None

    until(answers)
    board.stop()
    board.start()
    with pytest.raises(DeviceError, match="has started anew"):
        until(lambda: driver.poll() and False)
    driver.write(0.0, 0.5)
    time.sleep(0.2)
    assert driver.poll() is None
    driver.close()
