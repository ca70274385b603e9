"""The OpenGL context that scenes draw in: one per thread, made on first use, through EGL without a screen.

A context belongs to the thread that made it: a scene must be drawn and closed in the thread that drew it first, and a
process that forks must not have drawn before. `MUJOCO_GL=osmesa` takes OSMesa instead; `MUJOCO_EGL_DEVICE_ID` chooses
a GPU.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from convoy_sim.errors import SimulationError

_PACKAGES = {"egl": "libegl1 libgl1 libgl1-mesa-dri", "osmesa": "libosmesa6"}
_MAX_SIZE = 2048
"""OSMesa draws into a buffer of fixed size."""

_of_thread = threading.local()


def context() -> Any:
    """This thread's OpenGL context, made current.

    Raises:
        SimulationError: there is no OpenGL that draws without a screen.
    """
    found = getattr(_of_thread, "context", None)
    if found is None:
        found = _of_thread.context = _make()
    found.make_current()
    return found


def _make() -> Any:
    # Mesa brings an LLVM for all of the process to see. Triton, which torch imports late, would take it for its own and
    # crash; whoever comes first is served well.
    if find_spec("triton"):
        import_module("triton")
    kind = "osmesa" if os.environ.get("MUJOCO_GL", "").lower() == "osmesa" else "egl"
    try:
        if kind == "osmesa":
            from mujoco.osmesa import GLContext
        else:
            from mujoco.egl import GLContext
        return GLContext(_MAX_SIZE, _MAX_SIZE)
    # What is missing shows in many ways: no library, a library without its functions, no device.
    except Exception as error:
        raise SimulationError(
            f"Pictures need OpenGL through {kind.upper()}, which did not load ({error}). "
            f"On Debian and Ubuntu: apt install {_PACKAGES[kind]}"
        ) from error
