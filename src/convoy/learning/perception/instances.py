"""Instance segmentation: boxes, and the mask of the thing in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from convoy.inference import ModelOutput
from convoy.learning.errors import LearningError
from convoy.learning.nets.detection.targets import BoxTarget
from convoy.learning.nets.detection.torchvision_two_stage import mask_rcnn
from convoy.learning.perception.detection import BOX_OUTPUTS, BOX_TOLERANCE, PLAIN_RATE, DetectionTask, box_target
from convoy.learning.perception.task import NetChoice, NetSettings, View


class InstancesTask(DetectionTask):
    """Finds boxes, and for each the probability of 28x28 places in it to belong to the thing."""

    name = "instances"
    needs: ClassVar[tuple[str, ...]] = ("boxes", "instances")
    nets: ClassVar[Mapping[str, NetChoice]] = {"mask-rcnn": NetChoice(mask_rcnn, "resnet50", PLAIN_RATE)}
    outputs: ClassVar[tuple[ModelOutput, ...]] = (
        *BOX_OUTPUTS,
        ModelOutput(name="masks", unit="probability", description="of the thing, at 28x28 places in each box"),
    )
    tolerance: ClassVar[Mapping[str, float]] = {**BOX_TOLERANCE, "masks": 1e-2}

    def target(self, view: View, settings: NetSettings) -> BoxTarget:
        if view.instances is None:
            raise LearningError("A sample has no instance masks, which instance segmentation is taught by.")
        return box_target(view, settings) | {"masks": view.instances}
