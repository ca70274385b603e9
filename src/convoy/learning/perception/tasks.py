"""The perception tasks by name. No torch here, until a task is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convoy.learning.perception.task import Task

TASKS = {
    "detection": "convoy.learning.perception.detection:DetectionTask",
    "instances": "convoy.learning.perception.instances:InstancesTask",
    "keypoints": "convoy.learning.perception.keypoints:KeypointsTask",
    "segmentation": "convoy.learning.perception.segmentation:SegmentationTask",
    "depth": "convoy.learning.perception.depth:DepthTask",
    "relocalisation": "convoy.learning.perception.relocalisation:RelocalisationTask",
    "perception": "convoy.learning.perception.shared:SharedTask",
    "classification": "convoy.learning.perception.classification:ClassificationTask",
}
"""Each is imported when it is asked for."""


def open_task(name: str, net: str = "") -> Task:
    """Return a task of `TASKS`, as one of its nets does it."""
    module, _, class_ = TASKS[name].partition(":")
    task: Task = getattr(importlib.import_module(module), class_)()
    return task.of_net(net)
