"""A perception net as it runs on the robot: from the camera's pixels to what the task gives."""

from __future__ import annotations

from torch import Tensor, nn

from convoy.learning.perception.task import Task


class Deployed(nn.Module):
    """Takes one uint8 image, (1, H, W, 3) RGB; gives the task's outputs, each with an axis of length 1 in front.

    The net takes views in 0..1, (N, 3, H, W), and gives what the task decodes.
    """

    def __init__(self, net: nn.Module, task: Task) -> None:
        super().__init__()
        self.model = net
        self._task = task

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        views = images.permute(0, 3, 1, 2).float() / 255
        return tuple(output.unsqueeze(0) for output in self._task.decode(self.model(views)))
