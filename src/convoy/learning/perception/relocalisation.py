"""Where the camera is in a map that was driven through before."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from convoy.inference import ModelOutput
from convoy.learning.nets.posenet import PoseNet
from convoy.learning.perception.task import NetChoice, NetSettings, Task, View

POSE_OUTPUTS = (
    ModelOutput(name="pose", unit="m, quaternion", description="x y z qx qy qz qw of the optical frame in the map"),
    ModelOutput(
        name="deviation", unit="m, rad", description="of x y z, and of the rotation about the optical frame's x y z"
    ),
    ModelOutput(name="places", unit="landmarks", description="(1,), among how many of the map's the model hesitates"),
)
POSE_TOLERANCE = {"pose": 1e-3, "deviation": 1e-3, "places": 1e-3}


class RelocalisationTask(Task):
    """Nets give poses (N, 7), deviations (N, 6) and places (N, 1).

    A mirrored picture was taken nowhere, nor one that is cut.
    """

    name = "relocalisation"
    needs = ("pose",)
    nets: ClassVar = {"posenet": NetChoice(PoseNet, "resnet18")}
    losses = ("learned", "beta")
    outputs = POSE_OUTPUTS
    tolerance: ClassVar = POSE_TOLERANCE
    mirrors = False
    zooms = False
    speaks_of_classes = False

    def target(self, view: View, settings: NetSettings) -> Tensor:
        assert view.pose is not None  # `needs` saw to it
        return view.pose

    def decode(self, raw: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(values[0] for values in raw)
