"""The card of a steering model that was trained here."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from convoy import __version__
from convoy.inference import CameraInput, CylindricalView, DataSource, ModelCard, ModelOutput
from convoy.learning.options import SteeringOptions
from convoy.learning.recordings import Drive


def steering_card(
    name: str,
    drives: Sequence[Drive],
    options: SteeringOptions,
    constant: float,
    licence: str,
    command: str,
    start: ModelCard | None = None,
    view: CylindricalView | None = None,
) -> ModelCard:
    """Describe a model trained on the first 80 % of `drives`; `constant` is the mean of its targets in rad.

    `start` is the card of the model that it began as, in the same `view`, or without one had the convolutions of.
    """
    sources = (
        DataSource(
            name=drive.name,
            licence=drive.licence,
            frames=len(drive.frames("train")),
            part="first 80 %; the last 20 % are held out",
        )
        for drive in drives
    )
    began = f" {'It began as' if view else 'Its convolutions began as those of'} {start.name}." if start else ""
    return ModelCard(
        name=name,
        task="steering",
        description=f"Mean of {options.members} PilotNets (Bojarski et al. 2016): steers a car along its track as the "
        "human who drove it." + began,
        input=CameraInput.of_view(view) if view else CameraInput(width=options.width, height=options.height),
        outputs=(
            ModelOutput(name="steering_angle", unit="rad", description="angle of a virtual front wheel, left positive"),
        ),
        trained_on=(*sources, *(start.trained_on if start else ())),
        seeds=tuple(range(options.seed, options.seed + options.members)),
        constant=constant,
        licence=licence,
        revision=code_revision(),
        command=command,
    )


def code_revision() -> str:
    """Return the git commit of this source tree, '-dirty' where files were changed; elsewhere convoy's version."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return f"convoy {__version__}"
    return done.stdout.strip()
