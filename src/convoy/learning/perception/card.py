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
            name=dataset.name,
            licence=dataset.licence,
            frames=len(numbers),
            part="all of it; other data was held out"
            if len(numbers) == len(dataset)
            else f"frames {numbers.start} to {numbers.stop - 1}; the others are held out",
        )
        for dataset, numbers in taught.parts
    )
    what = f"{task.name} by {net}" + (f" on {backbone}" if backbone else "")
    dataset = taught.parts[0][0]
    return ModelCard(
        name=name,
        task=task.name,
        description=what + (f", loss: {settings.loss}" if settings.loss else "") + ".",
        input=CameraInput(
            width=settings.width, height=settings.height, focal_length=task.focal_length(settings) or None
        ),
        outputs=task.outputs,
        classes=settings.classes if task.speaks_of_classes else (),
        boxed=settings.boxed if any(output.name == "scores" for output in task.outputs) else (),
        palette=tuple(dataset.palette) if task.speaks_of_classes else (),
        trained_on=tuple(sources),
        seeds=(options.seed,),
        licence=licence,
        revision=code_revision(),
        command=command,
    )
