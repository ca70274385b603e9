"""The card of a perception model that was trained here."""

from __future__ import annotations

from convoy.inference import CameraInput, DataSource, ModelCard
from convoy.learning.perception.choice import net_name
from convoy.learning.perception.data import Samples
from convoy.learning.perception.options import PerceptionOptions
from convoy.learning.perception.task import NetSettings, Task
from convoy.learning.steering_card import code_revision


def perception_card(
    task: Task,
    options: PerceptionOptions,
    settings: NetSettings,
    taught: Samples,
    name: str,
    licence: str,
    command: str,
) -> ModelCard:
    """Describe a net that was trained on `taught`; its figures join when it is exported."""
    net, backbone = net_name(task, options.net), settings.backbone
    sources = (
        DataSource(
            name=piece.dataset.name,
            licence=piece.dataset.licence,
            frames=len(piece.numbers),
            part=f"{piece.which}; what the figures are of was held out",
        )
        for piece in taught.pieces
    )
    what = made_by(task.name, net) + (f" on {backbone}" if backbone else "")
    dataset = taught.pieces[0].dataset
    return ModelCard(
        name=name,
        task=task.name,
        description=what + (f", loss {settings.loss}" if settings.loss else "") + ".",
        input=CameraInput(
            width=settings.width, height=settings.height, focal_length=task.focal_length(settings) or None
        ),
        outputs=task.outputs,
        classes=settings.classes if task.speaks_of_classes else (),
        boxed=settings.boxed if any(output.name == "scores" for output in task.outputs) else (),
        keypoints=settings.points if any(output.name == "keypoints" for output in task.outputs) else (),
        palette=tuple(dataset.palette) if task.speaks_of_classes else (),
        bounds=settings.bounds if any(output.name == "pose" for output in task.outputs) else None,
        trained_on=tuple(sources),
        seeds=(options.seed,),
        licence=licence,
        revision=code_revision(),
        command=command,
    )


def made_by(task: str, net: str) -> str:
    """How the description of a model begins that one of a task's nets has become."""
    return f"{task[0].upper()}{task[1:]} by the net {net!r}"
