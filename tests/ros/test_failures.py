"""A step of the life cycle that fails is reported, and leaves the node in the state that it says it is in."""

from __future__ import annotations

from pathlib import Path

from tests.hosts.dds.conftest import Process
from tests.ros.conftest import Ros

FAULTY = Path(__file__).with_name("faulty.py")
NODE = "/faulty"


def start(ros: Ros, *arguments: object) -> Process:
    """Start the faulty component, unconfigured."""
    node = ros.start("python3", FAULTY, "--ros-args", "-p", "autostart:=false", *arguments)
    ros.wait_for_node(NODE)
    return node


def test_a_step_that_fails_is_reported_and_the_node_can_be_mended(ros: Ros) -> None:
    node = start(ros, "-p", "fails_in:=configure")
    diagnostics = ros.start("ros2", "topic", "echo", "/diagnostics")
    for failing, before, state in (
        ("configure", (), "unconfigured"),
        ("activate", ("configure",), "inactive"),
        ("deactivate", ("activate",), "unconfigured"),
        ("cleanup", ("configure",), "unconfigured"),
    ):
        ros("param", "set", NODE, "fails_in", failing)
        for step in before:
            assert "successful" in ros("lifecycle", "set", NODE, step)
        assert "failed" in ros("lifecycle", "set", NODE, failing)
        node.wait_for(f"faulty: {failing} failed: on purpose")
        diagnostics.wait_for(f"faulty: {failing} failed: on purpose")
        assert ros("lifecycle", "get", NODE).startswith(state)
    ros("param", "set", NODE, "fails_in", "nothing")
    for step in ("configure", "activate"):
        assert "successful" in ros("lifecycle", "set", NODE, step)


def test_a_fault_in_the_program_is_logged_with_its_place(ros: Ros) -> None:
    node = start(ros, "-p", "fails_in:=configure", "-p", "awkwardly:=true")
    ros("lifecycle", "set", NODE, "configure")
    node.wait_for("Traceback")
    node.wait_for("faulty.py")
    node.wait_for("faulty: configure failed: ZeroDivisionError: awkward")
    assert ros("lifecycle", "get", NODE).strip() == "unconfigured [1]"


def test_with_autostart_the_process_ends(ros: Ros) -> None:
    node = ros.start("python3", FAULTY, "--ros-args", "-p", "fails_in:=activate")
    assert node.end() == 1
    assert any("faulty: activate failed: on purpose" in line for line in node.said)
