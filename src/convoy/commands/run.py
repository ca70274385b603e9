"""``convoy run COMPONENT --ros-args ...``: one component as a ROS 2 node, on a machine without ROS."""

from __future__ import annotations

from typing import Annotated

import typer

CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def run(
    context: typer.Context,
    component: Annotated[str, typer.Argument(help="Name of the component, such as steering_policy.")],
) -> None:
    """Run a component live over DDS, visible to ROS 2 as a node; end it with Ctrl-C.

    Arguments as ROS 2 takes them follow: --ros-args -p NAME:=VALUE -r FROM:=TO -r __node:=NAME -r __ns:=/NAMESPACE
    --params-file FILE --log-level LEVEL. ROS_DOMAIN_ID, ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and
    CYCLONEDDS_URI mean what they mean to ROS 2.
    """
    from convoy.launch.environments import enter

    enter(component, ["run", component, *context.args])

    from convoy.hosts.process import log_to_console, stop_requested

    stopping = stop_requested()  # first: to import the rest takes a second, in which Ctrl-C is no error

    from convoy.components import component_class
    from convoy.hosts.dds.settings import split
    from convoy.launch.ros_args import parse_ros_arguments

    arguments = parse_ros_arguments(context.args, component)
    own, settings = split(arguments.parameters)
    log_to_console(arguments.log_level)
    instance = component_class(component)(arguments.node.name, own)

    from convoy.hosts.dds import DdsHost, Participant

    if stopping.is_set():
        return
    with Participant() as participant, DdsHost(participant) as host:
        host.add(instance, arguments.node, settings)
        host.start()
        instance.log.info(f"{arguments.node.full} runs in domain {participant.domain_id}.")
        stopping.wait()
        instance.log.info("stopping")
