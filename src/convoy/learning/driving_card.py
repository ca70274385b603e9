"""The card of a driving model that was trained by imitation here, and the figures that it states."""

from __future__ import annotations

import numpy as np

from convoy.inference import CameraInput, DataSource, ModelCard, ModelOutput, Session
from convoy.learning.demonstrations import VIEW, Demonstrations
from convoy.learning.driving_nets import COLLISION_M, INSTRUCTIONS
from convoy.learning.options import DrivingNetName, DrivingOptions
from convoy.learning.steering_card import code_revision

COMMANDS = ModelOutput(
    name="commands",
    unit="rad, m/s",
    description="(4, 2): for each class the angle of a virtual front wheel, left positive, and the speed",
)
_COLLISION = ModelOutput(
    name="collision_probability",
    unit="probability",
    description=f"of something ahead, or of where to stop, within {COLLISION_M:g} m",
)
_OUTPUTS = {DrivingNetName.pilotnet: (COMMANDS,), DrivingNetName.dronet: (COMMANDS, _COLLISION)}
_DESCRIPTIONS = {
    DrivingNetName.pilotnet: "PilotNet (Bojarski et al. 2016) with a head for each instruction of the route (Codevilla "
    "et al. 2018): steers and sets the speed of a car in simulated towns, as the expert does.",
    DrivingNetName.dronet: "DroNet (Loquercio et al. 2018) with a steering head for each instruction of the route "
    "(Codevilla et al. 2018): steers a car in simulated towns as the expert does, and slows it by the probability of a "
    "collision.",
}


def driving_card(name: str, options: DrivingOptions, frames: int, command: str) -> ModelCard:
    """Describe a model trained on so many frames of drives in train towns."""
    return ModelCard(
        name=name,
        task="drive",
        description=_DESCRIPTIONS[options.net],
        input=CameraInput.of_view(VIEW),
        outputs=_OUTPUTS[options.net],
        classes=INSTRUCTIONS,
        trained_on=(
            DataSource(
                name="simulated towns",
                licence="Apache-2.0, made by convoy_sim",
                frames=frames,
                part="train towns; validation towns ended the training, test towns are held out",
            ),
        ),
        seeds=(options.seed,),
        licence="Apache-2.0",
        revision=code_revision(),
        command=command,
    )


def measure_driving(session: Session, drives: Demonstrations) -> dict[str, dict[str, float]]:
    """Compare a model with the expert on drives that it was not trained on.

    The explained variance is 1 - var(error) / var(angle), as DroNet's authors state it.
    """
    outputs = [session.run(image) for image in drives.images]
    commands = np.stack([output[COMMANDS.name] for output in outputs])
    given = commands[np.arange(len(commands)), drives.instructions]
    wrong, spread = given[:, 0] - drives.angles, float(drives.angles.std())
    figures = {
        "frames": float(len(drives)),
        "angle_rmse_rad": float(np.sqrt(np.mean(wrong**2))),
        "angle_constant_rmse_rad": spread,
        "angle_explained_variance": 1 - float(wrong.var()) / spread**2,
        "speed_mae_mps": float(np.mean(np.abs(given[:, 1] - drives.speeds))),
    }
    if _COLLISION.name in outputs[0]:
        told = np.array([output[_COLLISION.name] for output in outputs]) > 0.5
        near = drives.clear < COLLISION_M
        figures["collision_accuracy"] = float(np.mean(told == near))
        figures["collision_f1"] = 2 * int((told & near).sum()) / max(int(told.sum() + near.sum()), 1)
    return {"drives of the expert in validation towns": figures}
