"""The one table of components: their names in launch files and on the command line, and where each one is."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from convoy.errors import ConvoyError, nearest

if TYPE_CHECKING:
    from convoy.graph import Component

COMPONENTS = {
    "camera": "convoy.devices.camera:Camera",
    "ackermann_actuator": "convoy.devices.ackermann_actuator:AckermannActuator",
    "diff_drive_actuator": "convoy.devices.diff_drive_actuator:DiffDriveActuator",
    "console": "convoy.console.component:Console",
    "drive_mode": "convoy.driving.drive_mode:DriveMode",
    "drive_policy": "convoy.driving.drive_policy:DrivePolicy",
    "rectifier": "convoy.perception.rectification:Rectifier",
    "depth_estimator": "convoy.perception.depth:DepthEstimator",
    "detector": "convoy.perception.detection:Detector",
    "gesture_commander": "convoy.gestures.commander:GestureCommander",
    "gesture_recogniser": "convoy.gestures.recogniser:GestureRecogniser",
    "hand_tracker": "convoy.gestures.hand_tracker:HandTracker",
    "joystick": "convoy.devices.joystick:Joystick",
    "instance_segmenter": "convoy.perception.instances:InstanceSegmenter",
    "relocaliser": "convoy.perception.relocalisation:Relocaliser",
    "segmenter": "convoy.perception.segmentation:Segmenter",
    "shared_perception": "convoy.perception.shared:SharedPerception",
    "simulator": "convoy_sim.simulator:Simulator",
    "steering_policy": "convoy.driving.steering_policy:SteeringPolicy",
    "tracker": "convoy.perception.tracking:Tracker",
    "supervisor": "convoy.driving.supervisor:Supervisor",
}


class UnknownComponentError(ConvoyError):
    """A component was asked for that convoy does not have."""


def component_class(name: str) -> type[Component]:
    """Return the class of a component by its name; its module is imported only now.

    Raises:
        UnknownComponentError: lists the names there are, nearest first.
    """
    if name not in COMPONENTS:
        raise UnknownComponentError(
            f"There is no component {name!r}; nearest first: {', '.join(nearest(name, COMPONENTS))}."
        )
    module, _, cls = COMPONENTS[name].partition(":")
    return cast("type[Component]", getattr(importlib.import_module(module), cls))
