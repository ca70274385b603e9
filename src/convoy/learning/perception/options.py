"""What a user can choose about the training of a perception net, with its defaults. No torch here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PerceptionOptions:
    """Options of the training of a perception net; ``convoy train segmentation --help`` says what each does.

    An empty `net`, `backbone` or `loss` stands for the task's default, no learning rate for the one that suits the net.
    """

    net: str = ""
    backbone: str = ""
    loss: str = ""
    pretrained: bool = False
    freeze: str = ""
    width: int = 480
    height: int = 360
    epochs: int = 40
    patience: int = 10
    seed: int = 0
    batch_size: int = 16
    learning_rate: float | None = None
    weight_decay: float = 1e-2
    dropout: float = 0.0
    class_weights: bool = False
    augment: bool = True
    workers: int = 2
