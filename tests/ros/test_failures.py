"""A step of the life cycle that fails is reported, and leaves the node in the state that it says it is in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.hosts.dds.conftest import Process
from tests.ros.conftest import Ros

FAULTY = Path(__file__).with_name("faulty.py")
NODE = "/faulty"
STEPS = ("configure", "activate", "deactivate", "cleanup")


def start(ros: Ros, *arguments: object) -> Process:
    """Start the faulty component, unconfigured."""
    node = ros.start("python3", FAULTY, "--ros-args", "-p", "autostart:=false", *arguments)
    ros.wait_for_node(NODE)
    return node


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("configure", "unconfigured [1]"),
        ("activate", "inactive [2]"),
        ("deactivate", "unconfigured [1]"),
        ("cleanup", "unconfigured [1]"),
    ],
)
def test_a_step_that_fails_is_reported(ros: Ros, step: str, state: str) -> None:
    node = start(ros, "-p", f"fails_in:={step}")
    diagnostics = ros.start("ros2", "topic", "echo", "/diagnostics", "--field", "status[0].message")
    before = {"configure": (), "activate": ("configure",), "deactivate": STEPS[:2], "cleanup": STEPS[:3]}[step]
    for step_before in before:
        ros("lifecycle", "set", NODE, step_before)
    assert "failed" in ros("lifecycle", "set", NODE, step, fails=True)
    node.wait_for(f"faulty: {step} failed: on purpose")
    diagnostics.wait_for(f"faulty: {step} failed: on purpose")
    assert ros("lifecycle", "get", NODE).strip() == state


def test_after_a_failure_the_node_can_be_mended(ros: Ros) -> None:
    start(ros, "-p", "fails_in:=deactivate")
    for step in STEPS[:2]:
        ros("lifecycle", "set", NODE, step)
    ros("lifecycle", "set", NODE, "deactivate", fails=True)
    ros("param", "set", NODE, "fails_in", "nothing")
    for step in STEPS:
        assert "successful" in ros("lifecycle", "set", NODE, step)


def test_a_fault_in_the_program_is_logged_with_its_place(ros: Ros) -> None:
    node = start(ros, "-p", "fails_in:=configure", "-p", "awkwardly:=true")
    ros("lifecycle", "set", NODE, "configure", fails=True)
    node.wait_for("Traceback")
    node.wait_for("faulty.py")
    node.wait_for("faulty: configure failed: ZeroDivisionError: awkward")
    assert ros("lifecycle", "get", NODE).strip() == "unconfigured [1]"


def test_with_autostart_the_process_ends(ros: Ros) -> None:
    node = ros.start("python3", FAULTY, "--ros-args", "-p", "fails_in:=activate")
    assert node.end() == 1
    assert any("faulty: activate failed: on purpose" in line for line in node.said)
