"""The process around a component's node: arguments, signals, and a spin that outlives a bad request."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import threading
import traceback
from collections.abc import Sequence

import rclpy
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from convoy.errors import ConvoyError
from convoy.graph import Component
from convoy.graph.parameters import describe
from convoy.hosts.process import stop_requested
from convoy_ros.host import RosHost
from convoy_ros.log import log_to

RCLError = rclpy_implementation.RCLError

AUTOSTART = ParameterDescriptor(
    description="configure and activate at start; else a life-cycle manager does", read_only=True
)


def run(name: str, cls: type[Component], arguments: list[str], stopping: threading.Event | None = None) -> int:
    """Run a component as a managed node until SIGINT or SIGTERM.

    Args:
        name: the node's, unless it is remapped.
        cls: the component.
        arguments: as in ``sys.argv``.
        stopping: of `stop_requested`, where that was called already.

    Returns:
        The exit code: 0 after a signal, 1 where the component could not start.
    """
    if stopping is None:
        stopping = stop_requested()
    try:
        _parse(name, cls, remove_ros_args(arguments)[1:])
        # rclpy's own handlers take the context away before the component has come to rest.
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = LifecycleNode(name, enable_logger_service=True)
    except Exception as error:  # rclpy has no common class for what it finds wrong with ROS arguments
        print(f"{name}: {type(error).__name__}: {_sentence(error)}", file=sys.stderr)
        return 1
    try:
        return _run(node, cls, stopping)
    except (ConvoyError, ParameterException) as error:
        node.get_logger().fatal(str(error))
        return 1
    finally:
        node.destroy_node()
        rclpy.shutdown()


def _run(node: LifecycleNode, cls: type[Component], stopping: threading.Event) -> int:
    log_to(node.get_logger())
    _answer_wrong_transitions(node)
    autostart = node.declare_parameter("autostart", True, AUTOSTART).value
    host = RosHost(node, cls)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = threading.Thread(target=_spin, args=(executor, node, stopping), name="spin")
    try:
        if stopping.is_set():
            return 0
        if autostart and not (_succeeded(node.trigger_configure()) and _succeeded(node.trigger_activate())):
            return 1
        spinner.start()
        stopping.wait()
        return 0
    finally:
        stopping.set()
        executor.shutdown()
        if spinner.ident is not None:
            spinner.join()
        host.close()


def _answer_wrong_transitions(node: LifecycleNode) -> None:
    """Refuse a transition that the node's state does not allow; rclpy raises, and leaves the caller waiting."""
    service = node._service_change_state
    change_state = service.callback

    def answer(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        try:
            return change_state(request, response)
        except RCLError as error:
            node.get_logger().error(f"change_state: {_sentence(error)}")
            response.success = False
            return response

    service.callback = answer


def _succeeded(result: TransitionCallbackReturn) -> bool:
    return result is TransitionCallbackReturn.SUCCESS


def _spin(executor: SingleThreadedExecutor, node: LifecycleNode, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            executor.spin_once()
        except Exception:  # one request that goes wrong is no reason to stop driving
            node.get_logger().error(traceback.format_exc())


def _sentence(error: Exception) -> str:
    """Leave out the places in ROS 2's own sources."""
    return re.sub(r", at [^\s,]+", "", " ".join(str(error).split()))


def _parse(name: str, cls: type[Component], arguments: Sequence[str]) -> None:
    """Answer ``--help``, and refuse everything else that does not stand behind ``--ros-args``."""
    lines = [
        f"  {p.name} ({p.type}{', required' if p.required else f', {p.default}'}): {p.description}"
        for p in describe(cls.Parameters)
    ]
    argparse.ArgumentParser(
        prog=name,
        usage="%(prog)s [--ros-args -p NAME:=VALUE -r FROM:=TO --params-file FILE]",
        description=inspect.getdoc(cls),
        epilog="\n".join(["parameters:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
