"""Drawing beside what else a process may load."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_what_torch_imports_after_the_first_drawing_does_not_crash() -> None:
    pytest.importorskip("triton")
    code = "from convoy_sim.gl import context; context(); import torch._dynamo; import triton.knobs"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
