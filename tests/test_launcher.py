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


def start(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout / "bin"), "HOME": str(checkout), "LANG": "C.UTF-8", **environment}
    return subprocess.run(
        [checkout / "convoy", *(arguments or ("--help",))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
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


def tool(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def without_mesa(checkout: Path) -> Path:
    """A checkout whose packages are installed, on a machine where OpenGL loads once ``libEGL.so.1`` is in its root."""
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    os.utime(checkout / "requirements.lock", (0, 0))
    for seconds, part in enumerate(("runtime", "report", "learn", "console", "dev", "sim"), 1):
        (venv / f"installed-{part}").touch()
        os.utime(venv / f"installed-{part}", (seconds, seconds))
    python_ = venv / "bin" / "python"
    python_.write_text(
        '#!/usr/bin/env bash\ncase "$*" in *gl.context*) [ -e libEGL.so.1 ] ;; *) echo "drives: $*" ;; esac\n'
    )
    python_.chmod(0o755)
    return checkout


@pytest.mark.parametrize("verb", [("drive",), ("evaluate", "drive"), ("bench", "sim"), ("train", "drive")])
def test_without_opengl_one_sentence_names_the_packages(without_mesa: Path, verb: tuple[str, ...]) -> None:
    result = start(without_mesa, *verb)
    assert result.returncode == 1
    assert result.stderr == (
        "convoy: the simulator draws with OpenGL, which does not load here; install what is missing "
        "(on Debian and Ubuntu: sudo apt-get install libegl1 libgl1 libgl1-mesa-dri) and call again.\n"
    )
    assert result.stdout == ""


def test_root_gets_opengl_installed_and_is_not_asked_again(without_mesa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(without_mesa)
    tool(without_mesa, "id", "echo 0")
    tool(without_mesa, "apt-get", 'case "$*" in *"install -qq -y libegl1 "*) : >libEGL.so.1 ;; esac')
    first = start(without_mesa, "drive", "--seconds", "5")
    assert (first.returncode, first.stdout) == (0, "drives: -m convoy drive --seconds 5\n")
    assert first.stderr.startswith("convoy: installing the system packages libegl1 libgl1 libgl1-mesa-dri (")
    tool(without_mesa, "apt-get", "exit 1")
    assert start(without_mesa, "drive").stderr == ""


def test_what_does_not_draw_does_not_ask_for_opengl(without_mesa: Path) -> None:
    assert start(without_mesa, "replay", "bag").stdout == "drives: -m convoy replay bag\n"
    assert start(without_mesa, "evaluate", "steering").returncode == 0


def test_opengl_that_fails_although_it_is_installed_is_told(without_mesa: Path) -> None:
    tool(without_mesa, "id", "echo 0")
    tool(without_mesa, "apt-get", "exit 0")
    result = start(without_mesa, "drive")
    assert result.returncode == 1
    assert "OpenGL does not load, although Mesa is installed; see" in result.stderr


def test_once_set_up_it_says_nothing_of_set_up(root: Path) -> None:
    if not list((root / ".venv").glob("installed*")):
        pytest.skip("this checkout was not set up by its launcher")
    result = subprocess.run([root / "convoy", "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "replay" in result.stdout


@pytest.fixture
def tested(without_mesa: Path) -> Path:
    """A checkout whose packages are installed for the tests, OpenGL too, on a machine without a browser."""
    for seconds, part in enumerate(("devices", "console", "dev", "opengl"), 10):
        (without_mesa / ".venv" / f"installed-{part}").touch()
        os.utime(without_mesa / ".venv" / f"installed-{part}", (seconds, seconds))
    return without_mesa


def test_root_gets_a_browser_to_test_the_page_with(tested: Path) -> None:
    tool(tested, "id", "echo 0")
    browser = tested / "bin" / "chromium"
    tool(tested, "apt-get", f'case "$*" in *"install -qq -y chromium") /bin/ln -s /bin/true {browser} ;; esac')
    first = start(tested, "test")
    assert (first.returncode, first.stdout) == (0, "drives: -m convoy test\n")
    assert first.stderr == (
        "convoy: installing the system packages chromium (tests open the operator's page in a browser)\n"
    )
    assert start(tested, "test").stderr == ""


def test_without_a_browser_the_other_tests_run(tested: Path) -> None:
    result = start(tested, "test")
    assert (result.returncode, result.stdout) == (0, "drives: -m convoy test\n")
    assert result.stderr == (
        "convoy: tests open the operator's page in a browser; install what is missing "
        "(on Debian and Ubuntu: sudo apt-get install chromium) and call again.\n"
        "convoy: without it, those tests are skipped.\n"
    )
