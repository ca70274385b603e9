"""How far it is, from one picture.

A net learns depth for one focal length: what is shown twice as large is taught as half as far, so that views of any
camera, and parts of views, teach the same thing. The card states the focal length, and who runs the net scales back.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from convoy.inference import ModelOutput
from convoy.learning.nets.depth import depth_net
from convoy.learning.perception.task import NetChoice, NetSettings, Task, View

DEPTH = ModelOutput(name="depth", unit="m", description="(H, W) float32, along the optical axis")
DEPTH_TOLERANCE = 1e-3


class DepthTask(Task):
    """Nets give metres, (N, H, W)."""

    name = "depth"
    needs = ("depth", "camera")
    nets: ClassVar = {"compact": NetChoice(depth_net, "compact")}
    losses = ("log", "stereo")
    outputs = (DEPTH,)
    tolerance: ClassVar = {"depth": DEPTH_TOLERANCE}
    speaks_of_classes = False

    def needs_of(self, loss: str) -> tuple[str, ...]:
        return ("right", "camera") if loss == "stereo" else self.needs

    def focal_length(self, settings: NetSettings) -> float:
        return settings.focal_px

    def target(self, view: View, settings: NetSettings) -> dict[str, Tensor]:
        return depth_target(view, settings)

    def decode(self, raw: Tensor) -> tuple[Tensor, ...]:
        return (raw[0],)


def depth_target(view: View, settings: NetSettings) -> dict[str, Tensor]:
    """What teaches depth: the right picture, or depth as the settings' camera would see it."""
    assert view.camera is not None  # `needs` saw to it
    if settings.loss == "stereo":
        assert view.right is not None
        return {"right": view.right}
    assert view.depth is not None
    return {"depth": view.depth * (settings.focal_px / view.camera[1, 1])}
