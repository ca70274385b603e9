"""``convoy drive`` and ``convoy evaluate drive`` as a user calls them."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.driving.tiny import write_drive_model

from convoy.bags import BagReader, BagWarning
from convoy.commands import main

pytest.importorskip("mujoco", reason="drives in the simulator (extra 'sim')")

QUIET = ("cars:=3", "people:=3")


def convoy(*arguments: str | Path, cwd: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "convoy", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180, check=False, **settings)


def test_two_drives_of_one_seed_give_identical_results(tmp_path: Path) -> None:
    results = []
    for folder in ("one", "other"):
        result = convoy(
            *("drive", "--policy", "expert", "--seed", "3", "--seconds", "10", "--out", folder),
            *("images:=false", *QUIET),
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("autonomy 100.0 %, 0 interventions in 10 s, ")
        assert result.stdout.splitlines()[-1] == f"report: {folder}/report.html"
        metrics = json.loads((tmp_path / folder / "metrics.json").read_text())
        metrics.pop("timing")
        results.append((metrics, (tmp_path / folder / "drive.mcap").read_bytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--weather", "snow"], "There is no weather 'snow'; nearest first:"),
        (["--town", "tset"], "Towns are test, train, val"),
        (["--policy", "nowhere.onnx"], "nowhere.onnx does not exist"),
        (["--launch", "no.launch.yaml"], "no.launch.yaml: No such file or directory."),
        (["weather"], "Found 'weather' after the launch file; wanted NAME:=VALUE."),
        (["cars:=900"], "parameter 'cars' is 900"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    policy = [] if "--policy" in arguments else ["--policy", "expert"]
    with pytest.raises(SystemExit) as end:
        main(["drive", *policy, *arguments])
    assert end.value.code == 1
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_full_disk_ends_the_drive_in_one_line_and_what_was_recorded_can_be_read(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the system refuses in the same place, in the same way."""
    result = convoy(
        *("drive", "--policy", "expert", "--seconds", "30", "images:=false", *QUIET),
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert result.returncode == 1
    assert "runs/drive/drive.mcap cannot be written: File too large; the " in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.warns(BagWarning), BagReader(tmp_path / "runs" / "drive" / "drive.mcap") as bag:
        assert bag.topics["/drive"].count > 20


def test_evaluate_drives_through_towns_in_clear_and_in_bad_weather(tmp_path: Path) -> None:
    result = convoy(
        *("evaluate", "drive", "--policy", "expert", "--towns", "3,5", "--seconds", "10", "--json", "score.json"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    score = json.loads((tmp_path / "score.json").read_text())
    assert (score["autonomy"], score["interventions"], score["red_lights_run"]) == (1.0, 0, 0)
    assert {(drive["town"], drive["weather"]) for drive in score["drives"]} == {
        (3, "clear"),
        (3, "fog"),
        (5, "clear"),
        (5, "rain"),
    }
    assert score["elapsed_s"] == pytest.approx(40.0)
    assert score["km"] == pytest.approx(sum(drive["km"] for drive in score["drives"]))
    assert {"collisions_per_km", "mean_lateral_m", "mean_speed_mps"} <= score.keys()
    assert result.stdout.splitlines()[0].split()[:2] == ["autonomy", "1"]


def test_evaluate_drives_scenarios_with_the_shield_and_without(tmp_path: Path) -> None:
    for option in ("--shield", "--no-shield"):
        result = convoy(
            *("evaluate", "drive", "--policy", "expert", "--suite", "scenarios", "--towns", "1000-1003"),
            *("--count", "4", option, "--json", "score.json"),
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr
        score = json.loads((tmp_path / "score.json").read_text())
        assert [drive["scenario"] for drive in score["drives"]] == ["step_out", "pull_out", "zebra", "turn_across"]
        assert score["collisions"] == 0
        assert score["elapsed_s"] == pytest.approx(4 * 30.0)
        assert (score["shield"], score["suite"]) == (option == "--shield", "scenarios")
    assert score["shield_stops"] == 0


def test_evaluate_refuses_what_is_no_model_before_it_drives(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "drive", "--policy", "none.onnx"])
    assert capsys.readouterr() == ("", "convoy: none.onnx does not exist; wanted an ONNX model.\n")


def test_live_over_dds_the_policy_may_die_and_comes_back(opengl: None, tmp_path: Path) -> None:
    """Every component is a process of its own; while the policy's is gone, the supervisor stops the car."""
    model = write_drive_model(tmp_path / "tiny.onnx")
    environment = {**os.environ, "ROS_DOMAIN_ID": str(random.SystemRandom().randrange(1, 230))}
    environment.pop("CYCLONEDDS_URI", None)
    killer = threading.Thread(target=kill_policy, args=(model, tmp_path / "out"), daemon=True)
    killer.start()
    result = convoy(
        *("drive", "--policy", model, "--seconds", "20", "--host", "dds", "--out", "out", *QUIET),
        cwd=tmp_path,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    log = (tmp_path / "out" / "launch.log").read_text()
    assert "drive_policy has died (SIGKILL); starts again in 1 s" in log
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["steps"] == 400
    assert metrics["timing"]["realtime_factor"] == pytest.approx(1.0, rel=0.1)
    assert metrics["timing"]["supervisor_stops"] > 0
    assert 10 < metrics["steps_without_command"] < 390
    assert (tmp_path / "out" / "report.html").exists()


def kill_policy(model: Path, out: Path) -> None:
    """Kill the policy's process some seconds after the drive has begun."""
    bag = out / "drive.mcap"
    while not bag.exists() or bag.stat().st_size < 5_000_000:
        time.sleep(0.2)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if b"drive_policy" in command and any(str(model).encode() in part for part in command):
                os.kill(int(entry.name), signal.SIGKILL)
                return
