"""``convoy run`` and ``convoy topics``, as a user calls them."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from convoy.bags import BagReader

CONVOY = [sys.executable, "-c", "from convoy.commands import main; main()"]


def test_a_component_runs_until_it_is_told_to_stop_and_is_on_the_network(start: Any) -> None:
    supervisor = start("run", "supervisor", "--ros-args", "-r", "__ns:=/car", "-p", "max_speed:=1.5", program=CONVOY)
    supervisor.wait_for("/car/supervisor runs in domain")
    topics = start("topics", "/car/drive", "--seconds", "1.5", "--json", "-", program=CONVOY)
    assert topics.end() == 0
    (drive,) = json.loads("\n".join(topics.said))["topics"]
    assert drive["publishers"] == ["/car/supervisor"]
    assert drive["rate_hz"] == pytest.approx(20, rel=0.2)  # the command to stand still, while there is none to drive
    supervisor.signal(signal.SIGTERM)
    assert supervisor.end() == 0


def test_ctrl_c_while_it_is_still_being_loaded_is_no_error(start: Any) -> None:
    loading = [CONVOY[0], "-X", "importtime", *CONVOY[1:]]  # Python itself says what it has loaded
    supervisor = start("run", "supervisor", program=loading)
    supervisor.wait_for("convoy.hosts.dds.settings")
    supervisor.signal(signal.SIGINT)
    assert supervisor.end() == 0
    assert not [line for line in supervisor.said if "Traceback" in line or "runs in domain" in line]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["supervisr"], "There is no component 'supervisr'; nearest first: supervisor"),
        (["supervisor", "--ros-args", "-p", "max_speed:=-1"], "'max_speed' is -1"),
        (["supervisor", "--ros-args", "-p", "autostart:=false"], "'autostart' is False"),
        (["supervisor", "--ros-args", "-r", "drive:=/1/2"], "Topic name '/1/2'"),
        (["supervisor", "--ros-args", "-p", "qos_overrides./drive.publisher.depth:=0"], "wanted a whole number from 1"),
        (["steering_policy", "--ros-args", "-p", "model:=/nowhere.onnx"], "/nowhere.onnx"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(start: Any, arguments: list[str], said: str) -> None:
    process = start("run", *arguments, program=CONVOY)
    assert process.end() == 1
    assert said in process.said[-1]
    assert not any("Traceback" in line for line in process.said)


def test_a_topic_that_is_not_there_is_an_error_that_names_those_that_are(start: Any) -> None:
    start("run", "supervisor", program=CONVOY).wait_for("runs in domain")
    topics = start("topics", "/driv", "--seconds", "1", program=CONVOY)
    assert topics.end() == 1
    assert "There is no topic '/driv'" in topics.said[-1]
    assert "nearest first: /drive" in topics.said[-1]


def test_record_ends_with_a_whole_bag_when_it_is_told_to_stop(start: Any, tmp_path: Path) -> None:
    start("run", "supervisor", program=CONVOY).wait_for("runs in domain")
    recorder = start("bag", "record", "--all", "-o", tmp_path / "bag", program=CONVOY)
    recorder.wait_for("records /drive")
    time.sleep(1.5)
    recorder.signal(signal.SIGINT)
    assert recorder.end() == 0
    with BagReader(tmp_path / "bag") as bag:
        assert bag.damage == []
        assert bag.topics["/drive"].count >= 20
    assert f"{bag.message_count} messages" in "\n".join(recorder.said)


def test_record_wants_to_know_what(start: Any, tmp_path: Path) -> None:
    recorder = start("bag", "record", "-o", tmp_path / "bag", program=CONVOY)
    assert recorder.end() == 1
    assert "Give the names of the topics to record, or --all." in recorder.said[-1]
    assert not (tmp_path / "bag").exists()
