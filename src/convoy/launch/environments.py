"""Components that need a Python environment of their own: made on first use, from a lock file of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from convoy.launch.errors import LaunchError

ENVIRONMENTS = {"hand_tracker": "hands"}
"""By component, the NAME of ``requirements-NAME.lock`` and ``.venv-NAME`` in the source tree."""

_PYTHON = ">=3.11,<3.13"
_ROOT = Path(__file__).parents[3]


def enter(component: str, arguments: Sequence[str]) -> None:
    """Go on in the component's own environment: ``python -m convoy ARGUMENTS`` takes this process's place there.

    Returns where the component needs none, is in it already, or convoy does not run from its source tree; then the
    component says by itself what it lacks.

    Raises:
        LaunchError: the environment could not be made.
    """
    name = ENVIRONMENTS.get(component)
    lock = _ROOT / f"requirements-{name}.lock"
    environment = _ROOT / f".venv-{name}"
    if name is None or not lock.exists() or Path(sys.prefix).resolve() == environment.resolve():
        return
    stamp = environment / "installed"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        _make(environment, lock)
        stamp.touch()
    python = str(environment / "bin" / "python")
    os.execv(python, [python, "-m", "convoy", *arguments])


def _make(environment: Path, lock: Path) -> None:
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if uv is None:
        raise LaunchError(f"{environment} can't be made without uv; install it with: pip install uv")
    print(f"convoy: making {environment.name} and installing {lock.name} (about 1 GB)", file=sys.stderr)
    python = environment / "bin" / "python"
    for call in (
        [uv, "venv", "--quiet", "--clear", "--python", _PYTHON, str(environment)],
        [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "--requirement", str(lock)],
    ):
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        if done.returncode:
            why = " ".join(done.stderr.split())
            raise LaunchError(f"{environment} could not be made; check the network and the disk and call again: {why}")
    folder = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    Path(folder.stdout.strip(), "convoy.pth").write_text(f"{_ROOT / 'src'}\n{_ROOT / 'sim'}\n")
