"""What there is to train for perception, and what of it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convoy.inference import ModelCard
from convoy.learning.perception.card import made_by
from convoy.learning.perception.tasks import TASKS, open_task

NOT_TRAINED = "builds, overfits a small set, exports"
"""What the tests say of every network."""


@dataclass(frozen=True)
class Network:
    """A net that can be trained for a task: its default backbone, the task's losses, and what of it is trained."""

    task: str
    name: str
    backbone: str
    losses: tuple[str, ...]
    state: str


def networks(cards: Mapping[str, ModelCard]) -> list[Network]:
    """List all nets of all tasks; `cards` are those of the trained models, by the names of their files."""
    rows = []
    for task_name in TASKS:
        task = open_task(task_name)
        for name, choice in task.nets.items():
            trained = [
                f"{file} ({_figures(card)})"
                for file, card in cards.items()
                if card.task == task_name and card.description.startswith(made_by(task_name, name))
            ]
            rows.append(Network(task_name, name, choice.backbone, task.losses, "; ".join(trained) or NOT_TRAINED))
    return rows


def _figures(card: ModelCard) -> str:
    shown = {name: value for figures in card.metrics.values() for name, value in figures.items() if " " not in name}
    return ", ".join(f"{name} {value:.4g}" for name, value in shown.items() if name != "frames")
