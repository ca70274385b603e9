"""Drives from the camera image and the route's instruction by one network.

Codevilla et al. 2018, "End-to-end Driving via Conditional Imitation Learning".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from convoy.driving.image_policy import ImagePolicy, PolicyError
from convoy.graph import LATCHED, Input
from convoy.inference import ModelCard
from convoy.interfaces.messages import String

COMMANDS = "commands"
"""The model's output, (instructions, 2): angle and speed for each instruction, in the order of the card's classes."""
FOLLOW = "follow"
"""What is done until the route says otherwise."""


class DrivePolicy(ImagePolicy):
    """Turns each camera image into a steering angle and a speed, as the route tells it to go.

    Subscribes to ``image`` and ``route`` (std_msgs/String, latched): what to do at the next junction, one of the
    model's classes, such as follow, left, right or straight; "follow" until one has come. An instruction that the
    model does not know is an error, and the one before holds.

    Publishes ``drive``: the angle of a virtual front wheel in rad, left positive, and the speed in m/s, never below
    zero, with the header of the image. A command that is not finite is an error and is not published.

    A model whose card asks for a cylindrical view gets the image projected to it, by ``camera_info``: until that has
    come, or while it can't be used, there are no commands, and ``/diagnostics`` says why. Other models ignore it.
    """

    TASK = "drive"

    class Parameters(ImagePolicy.Parameters):
        max_speed: float = Field(15.0, ge=0.0, le=40.0, description="m/s, never faster than this")
        speed_scale: float = Field(1.0, ge=0.0, le=2.0, description="factor of the model's speed")

    route = Input("route", String, qos=LATCHED)

    instruction = FOLLOW
    instructions: tuple[str, ...] = ()

    def check_model(self, card: ModelCard) -> None:
        if FOLLOW not in card.classes:
            raise PolicyError(
                f"{card.name} has classes {', '.join(card.classes) or 'none'}; wanted one for each instruction, "
                f"{FOLLOW!r} among them."
            )
        self.instructions = card.classes

    def on_activate(self) -> None:
        super().on_activate()
        self.instruction = FOLLOW

    def on_route(self, instruction: String) -> None:
        if instruction.data not in self.instructions:
            raise PolicyError(
                f"the route says {instruction.data!r}, but the model knows {', '.join(self.instructions)}; "
                f"{self.instruction!r} still holds"
            )
        self.instruction = instruction.data

    def command(self, outputs: Mapping[str, np.ndarray]) -> tuple[float, float]:
        commands = outputs[COMMANDS]
        if commands.shape != (len(self.instructions), 2):
            raise PolicyError(f"the model gave commands of shape {commands.shape}, not {(len(self.instructions), 2)}")
        angle, speed = map(float, commands[self.instructions.index(self.instruction)])
        # max and min would turn NaN into a speed.
        limited = np.clip(speed * self.parameters.speed_scale, 0.0, self.parameters.max_speed)
        return angle, float(limited)
