"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

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
