"""A model file, its card, and how it runs. No torch here."""

from convoy.inference.camera_input import CameraInput
from convoy.inference.card import CARD_KEY, DataSource, ModelCard, ModelOutput, SeriesInput
from convoy.inference.errors import ModelError
from convoy.inference.projection import CylindricalProjection, CylindricalView, Projector
from convoy.inference.resample import resample
from convoy.inference.resize import Fit, stretch
from convoy.inference.session import Session

__all__ = [
    "CARD_KEY",
    "CameraInput",
    "CylindricalProjection",
    "CylindricalView",
    "DataSource",
    "Fit",
    "ModelCard",
    "ModelError",
    "ModelOutput",
    "Projector",
    "SeriesInput",
    "Session",
    "resample",
    "stretch",
]
