"""What a whole picture shows: how a backbone learns from a user's own pictures before it serves another task."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from convoy.inference import ModelOutput
from convoy.learning.nets.classifier import Classifier
from convoy.learning.perception.task import NetChoice, NetSettings, Task, View


class ClassificationTask(Task):
    """Nets give logits (N, C)."""

    name = "classification"
    needs = ("category",)
    nets: ClassVar = {"classifier": NetChoice(Classifier, "compact")}
    outputs = (ModelOutput(name="probabilities", unit="probability", description="(C,), of each class"),)
    tolerance: ClassVar = {"probabilities": 1e-4}
    weighted = True

    def target(self, view: View, settings: NetSettings) -> Tensor:
        assert view.category is not None  # `needs` saw to it
        return torch.tensor(view.category)

    def decode(self, raw: Tensor) -> tuple[Tensor, ...]:
        return (raw[0].softmax(dim=0),)
