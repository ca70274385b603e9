"""What all tests share."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Started in the background of a script or by nohup, some signals are ignored; every process that a test starts would
# ignore them too.
for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, default)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Optional real recordings beside the checkout; tests that want them skip where they are absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real recordings in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def opengl() -> None:
    """For tests that render; skips where this machine can't."""
    from convoy_sim import gl
    from convoy_sim.errors import SimulationError

    try:
        gl.context()
    except SimulationError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _console_log() -> Iterator[None]:
    """A command that a test calls sets up the log of the process, which is the test's; it is put back."""
    logger = logging.getLogger("convoy")
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
