"""The launcher's set-up: what it says where something is missing, and that it is silent once all is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = ("bash", "env", "dirname", "readlink", "grep", "id", "touch", "rm", "mkdir")
UNREACHABLE = "http://127.0.0.1:9/simple"


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """A checkout without .venv, and a folder ``bin`` that is all of its PATH."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("convoy", "pyproject.toml", "requirements.lock"):
        shutil.copy(root / name, checkout / name)
    tools = checkout / "bin"
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"this test needs {tool}"
        (tools / tool).symlink_to(found)
    return checkout


def start(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout / "bin"), "HOME": str(checkout), "LANG": "C.UTF-8", **environment}
    return subprocess.run(
        [checkout / "convoy", "--help"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def python(checkout: Path, script: str) -> None:
    path = checkout / "bin" / "python3"
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)


def real_python() -> str:
    return os.path.realpath(sys._base_executable)  # type: ignore[attr-defined]


def test_an_old_python_is_named_with_what_is_wanted(checkout: Path) -> None:
    python(checkout, 'if [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi')
    result = start(checkout)
    assert result.returncode == 1
    assert result.stderr == (
        "convoy: found Python 3.9.2, wanted Python 3.11, 3.12 or 3.13; install one and call again.\n"
    )
    assert not (checkout / ".venv").exists()


def test_no_python_at_all(checkout: Path) -> None:
    result = start(checkout)
    assert result.returncode == 1
    assert result.stderr.startswith("convoy: found no Python, wanted Python 3.11")


def test_a_missing_venv_module_names_its_debian_package(checkout: Path) -> None:
    python(checkout, f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {real_python()} "$@"')
    result = start(checkout)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"python{version}-venv" in result.stderr


def test_without_a_network_it_says_so_and_starts_over_next_time(checkout: Path) -> None:
    python(checkout, f'exec {real_python()} "$@"')
    result = start(
        checkout, PIP_CONFIG_FILE="/dev/null", PIP_INDEX_URL=UNREACHABLE, PIP_RETRIES="0", PIP_DEFAULT_TIMEOUT="2"
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[0].startswith("convoy: making .venv with Python")
    assert "could not be fetched from the package index; check the network" in result.stderr.splitlines()[1]
    assert len(result.stderr.splitlines()) == 2
    assert not list((checkout / ".venv").glob("installed*"))


def test_once_set_up_it_says_nothing_of_set_up(root: Path) -> None:
    if not list((root / ".venv").glob("installed*")):
        pytest.skip("this checkout was not set up by its launcher")
    result = subprocess.run([root / "convoy", "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "replay" in result.stdout
