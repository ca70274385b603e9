"""A component under ``ros2 run``: its life cycle, parameters and quality of service, as a user of ROS 2 meets them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.ros.conftest import Ros

NODE = "/car/supervisor"
CAR = ("-r", "__ns:=/car")
POLICY = "/steering_policy"


def test_the_life_cycle_is_walked_from_outside(ros: Ros) -> None:
    ros.run("supervisor", *CAR)
    assert ros("lifecycle", "get", NODE) == "active [3]\n"
    assert "/car/image: sensor_msgs/msg/Image\n" in ros("node", "info", NODE)
    assert "successful" in ros("lifecycle", "set", NODE, "deactivate")
    assert "/car/image" not in ros("node", "info", NODE), "an inactive node listens to nothing"
    assert "successful" in ros("lifecycle", "set", NODE, "cleanup")
    assert "/car/drive" not in ros("node", "info", NODE)
    for step in ("configure", "activate"):
        assert "successful" in ros("lifecycle", "set", NODE, step)
    info = ros("node", "info", NODE)
    assert {"/car/image/compressed:", "/car/drive:", "/diagnostics:"} <= set(info.split())
    wrong = ("service", "call", f"{NODE}/change_state", "lifecycle_msgs/srv/ChangeState", "{transition: {id: 3}}")
    assert "success=False" in ros(*wrong), "a transition that the state does not allow is answered"
    assert ros("lifecycle", "get", NODE) == "active [3]\n"


def test_parameters_have_types_ranges_and_descriptions(ros: Ros) -> None:
    ros.run("supervisor", *CAR, "-p", "max_speed:=2")
    assert ros("param", "get", NODE, "max_speed") == "Double value is: 2.0\n", "a YAML integer is a fine double"
    described = ros("param", "describe", NODE, "max_speed", "max_steering_rate")
    assert "Type: double\n  Description: m/s, forwards" in described
    assert "Min value: 0.0\n    Max value: 40.0" in described
    assert "Max value: inf" in described

    ros("param", "set", NODE, "max_speed", "1")
    assert ros("param", "get", NODE, "max_speed") == "Double value is: 1.0\n"
    assert "out of range" in ros("param", "set", NODE, "max_speed", "99.0")
    assert "greater than 0" in ros("param", "set", NODE, "max_steering_angle", "0.0")
    assert "read-only" in ros("param", "set", NODE, "autostart", "false")
    assert "start the node with it" in ros("param", "set", NODE, "use_sim_time", "true")
    assert ros("param", "get", NODE, "max_speed") == "Double value is: 1.0\n"


def test_the_component_has_the_last_word_on_a_change(ros: Ros, model: Path) -> None:
    ros.run("steering_policy", "-p", f"model:={model}", "-p", "device:=cpu")
    assert "one of auto, cpu, cuda, tensorrt" in ros("param", "describe", POLICY, "device")
    assert "configure it anew" in ros("param", "set", POLICY, "device", "auto")
    assert ros("param", "get", POLICY, "device") == "String value is: cpu\n"


def test_a_required_parameter_may_come_late(ros: Ros, model: Path) -> None:
    node = ros.start("ros2", "run", "convoy_ros", "steering_policy", "--ros-args", "-p", "autostart:=false")
    ros.wait_for_node(POLICY)
    assert "not set" in ros("param", "get", POLICY, "model", fails=True)
    assert "failed" in ros("lifecycle", "set", POLICY, "configure")
    node.wait_for("parameter 'model' is missing; it is ONNX model of the component's task")
    assert ros("lifecycle", "get", POLICY) == "unconfigured [1]\n"

    ros("param", "set", POLICY, "model", model.with_name("elsewhere.onnx"))
    ros("lifecycle", "set", POLICY, "configure")
    node.wait_for("elsewhere.onnx")
    ros("param", "set", POLICY, "model", model)
    assert "successful" in ros("lifecycle", "set", POLICY, "configure")
    node.wait_for("model brighter")


@pytest.mark.parametrize(
    ("component", "argument", "reason"),
    [
        ("supervisor", "-p max_speed:=99.0", "parameter 'max_speed' is 99.0, but"),
        ("supervisor", "-p max_speed:=fast", "parameter 'max_speed' is 'fast', but"),
        ("supervisor", "-p max_sped:=1.0", "there is no parameter 'max_sped'; nearest first: max_speed"),
        ("supervisor", "-p autostart:=maybe", "expecting type 'BOOL': autostart"),
        ("supervisor", "-p qos_overrides./drive.publisher.reliability:=maybe", "/drive: Unexpected QoS override"),
        ("supervisor", "--params-file /nowhere.yaml", "Couldn't parse params file"),
        ("supervisor", "--nonsense", "--nonsense"),
        ("steering_policy", "", "parameter 'model' is missing"),
        ("steering_policy", "-p model:=/nowhere.onnx", "/nowhere.onnx"),
    ],
)
def test_a_wrong_start_ends_with_one_sentence(ros: Ros, component: str, argument: str, reason: str) -> None:
    said = ros("run", "convoy_ros", component, "--ros-args", *argument.split(), fails=True)
    (line,) = (line for line in said.splitlines() if "[ros2run]" not in line and "shutdown: done" not in line)
    assert reason in line


def test_help_is_about_the_component(ros: Ros) -> None:
    said = ros("run", "convoy_ros", "steering_policy", "--help")
    assert "Turns each camera image into a steering angle" in said
    assert "model (string, required): ONNX model of the component's task" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_comes_to_rest_on_a_signal(ros: Ros, number: int) -> None:
    node = ros.run("supervisor")
    node.signal(number)
    node.wait_for("shutdown: done")
    node.end()
    assert "Traceback" not in "\n".join(node.said)


def test_a_publisher_that_does_not_match_is_told_by_name(ros: Ros) -> None:
    node = ros.run("supervisor", *CAR)
    message = ("/car/command", "ackermann_msgs/msg/AckermannDriveStamped", "{}")
    ros.start("ros2", "topic", "pub", "-n", "careless", "--qos-reliability", "best_effort", *message)
    line = node.wait_for("/car/command: nothing will come from /careless")
    assert "Best effort publisher and reliable subscription" in line


def test_quality_of_service_can_be_overridden(ros: Ros) -> None:
    ros.run("supervisor", *CAR, "-p", "qos_overrides./car/command.subscription.reliability:=best_effort")
    told = ros("topic", "info", "-v", "/car/command")
    assert "Node name: supervisor" in told
    assert "Reliability: BEST_EFFORT" in told


def test_logging_goes_through_ros(ros: Ros) -> None:
    ros.run("supervisor", *CAR)
    stop = ("/car/emergency_stop", "std_msgs/msg/Bool", "{data: true}")
    log = ros.start("ros2", "topic", "echo", "/rosout", "--field", "msg")
    ros.wait_for_listener("/rosout")
    ros("topic", "pub", "--once", "-w", "1", *stop)
    log.wait_for("emergency stop; release it on release_emergency_stop")


def test_simulated_time_drives_the_timers(ros: Ros) -> None:
    ros.run("supervisor", "-p", "use_sim_time:=true")
    drive = ros.start("ros2", "topic", "echo", "/drive", "--field", "header.stamp")
    ros.wait_for_listener("/drive")
    for second in (7, 8, 2, 3):  # the bag starts over
        clock = ("/clock", "rosgraph_msgs/msg/Clock", f"{{clock: {{sec: {second}}}}}")
        ros("topic", "pub", "--times", "3", "-r", "10", "-w", "1", *clock)
        if second != 2:  # a jump back is no time that has passed
            drive.wait_for(f"sec: {second}")
    assert "sec: 2" not in drive.said
