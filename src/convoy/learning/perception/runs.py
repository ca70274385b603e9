"""What a run of ``convoy train`` left in its folder: with which options, on what, and the weights of its epochs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from convoy.learning.errors import LearningError
from convoy.learning.fit import BEST, OPTIONS
from convoy.learning.perception.choice import choose
from convoy.learning.perception.options import PerceptionOptions
from convoy.learning.perception.start import start_from
from convoy.learning.perception.task import PerceptionNet, Task
from convoy.learning.perception.tasks import TASKS
from convoy.learning.perception.training import Material


@dataclass(frozen=True)
class Checkpoint:
    """Weights that a run kept.

    Attributes:
        path: of the file.
        task: what was trained.
        options: of the training.
        data: what it was trained on, as `Samples.describe` says it.
        start: file that the training started from, '' for none.
    """

    path: Path
    task: str
    options: PerceptionOptions
    data: str
    start: str

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Look at a checkpoint, or at the best one of a run's folder.

        Raises:
            LearningError: there is none, or it is not of a perception net.
        """
        path = path / BEST if path.is_dir() else path
        if not path.is_file():
            raise LearningError(f"There is no checkpoint {path}; wanted the folder of a run, such as runs/train/NAME.")
        stated = path.with_name(OPTIONS)
        try:
            found = json.loads(stated.read_text())
        except (OSError, ValueError) as error:
            raise LearningError(f"{stated}, which says how {path.name} was trained, can't be read: {error}.") from None
        if found.get("task") not in TASKS:
            raise LearningError(f"{path} is of no perception net; only those are exported from a checkpoint.")
        known = {field.name for field in fields(PerceptionOptions)}
        options = PerceptionOptions(**{name: value for name, value in found.items() if name in known})
        return cls(path, found["task"], options, found["data"], found["start"])

    def load(self, task: Task, material: Material) -> PerceptionNet:
        """Build the net, and give it these weights.

        Raises:
            LearningError: the data is not what it was trained on, or the weights are not of this net.
        """
        if material.taught.describe() != self.data:
            raise LearningError(
                f"{self.path} was trained on {self.data}; the data given is {material.taught.describe()}. "
                "Give the data of the training: the net is built by what is in it."
            )
        net = choose(task, self.options.net).build(material.settings)
        started = start_from(net, self.path)
        if started.others:
            raise LearningError(f"{self.path} lacks weights of this net: {', '.join(started.others[:3])}, ...")
        return net

    def command(self, data: Sequence[str], validation: Sequence[str]) -> str:
        """The command that trained it, and after how many epochs it was taken."""
        said = ["convoy", "train", self.task]
        for spec in data:
            said += ["--data", spec]
        for spec in validation:
            said += ["--validation", spec]
        default = PerceptionOptions()
        if (self.options.width, self.options.height) != (default.width, default.height):
            said += ["--size", f"{self.options.width}x{self.options.height}"]
        for field in fields(PerceptionOptions):
            value = getattr(self.options, field.name)
            if value == getattr(default, field.name) or field.name in ("width", "height", "workers"):
                continue
            name = {"learning_rate": "lr"}.get(field.name, field.name).replace("_", "-")
            said += [f"--{name if value else f'no-{name}'}"] if isinstance(value, bool) else [f"--{name}", str(value)]
        said += ["--start", self.start] if self.start else []
        epoch = torch.load(self.path, map_location="cpu", weights_only=True)["epoch"] + 1
        return f"{shlex.join(said)}, as it was after epoch {epoch}"
