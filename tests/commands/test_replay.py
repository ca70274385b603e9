"""``convoy replay`` as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def convoy(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "convoy", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_a_replay_says_what_it_found_and_where_the_report_is(shared: Path, tmp_path: Path) -> None:
    result = convoy("replay", shared / "bags" / "rc_track_end", cwd=tmp_path)
    assert result.returncode == 0
    folder = tmp_path / "runs" / "replay" / "rc_track_end"
    assert result.stdout.splitlines()[-1] == "report: runs/replay/rc_track_end/report.html"
    assert result.stdout.startswith("160 frames, ")
    assert {file.name for file in folder.iterdir()} == {
        "report.html",
        "metrics.json",
        "frames.jsonl",
        "timings.jsonl",
        "replay.mcap",
    }
    assert json.loads((folder / "metrics.json").read_text())["frames"] == 160


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "convoy: There is no bag at nowhere.\n"),
        (["--launch", "no.launch.yaml", "nowhere"], "no.launch.yaml: No such file or directory.\n"),
        (["nowhere", "image"], "convoy: Found 'image' after the launch file; wanted NAME:=VALUE.\n"),
    ],
)
def test_a_mistake_is_one_line_without_a_traceback(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = convoy("replay", *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.endswith(said)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())
