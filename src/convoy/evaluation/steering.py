"""How well a steering model agrees with the human who drove."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from convoy.errors import ConvoyError


class EvaluationError(ConvoyError):
    """There is nothing to measure, or what is measured does not belong together."""


@dataclass(frozen=True)
class SteeringScore:
    """Errors of predicted steering angles against the human's, in rad.

    Attributes:
        frames: frames compared.
        rmse_rad: root of the mean squared error.
        mae_rad: mean absolute error.
        constant_rmse_rad: the rmse of always steering the constant; None where no constant is known.
        ratio: rmse_rad / constant_rmse_rad; below 1 the model beats the constant. None where that is not defined.
    """

    frames: int
    rmse_rad: float
    mae_rad: float
    constant_rmse_rad: float | None
    ratio: float | None

    def as_dict(self) -> dict[str, int | float | None]:
        """Return the fields by name, ready for JSON."""
        return asdict(self)


def score(predicted: np.ndarray, human: np.ndarray, constant: float | None) -> SteeringScore:
    """Compare steering angles frame by frame.

    `predicted` and `human` are in rad, left positive, shape (frames,). `constant` is the baseline in rad: the mean
    of the training targets, as the model's card states it.

    Raises:
        EvaluationError: there are no frames, the lengths differ, or a value is not finite.
    """
    predicted, human = np.asarray(predicted, np.float64), np.asarray(human, np.float64)
    if predicted.shape != human.shape or predicted.ndim != 1:
        raise EvaluationError(f"{predicted.shape} predicted angles against {human.shape} of the human; wanted as many.")
    if not predicted.size:
        raise EvaluationError("There are no frames to compare; wanted at least one with a human's steering angle.")
    wrong = ~(np.isfinite(predicted) & np.isfinite(human))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise EvaluationError(
            f"{int(wrong.sum())} of {wrong.size} frames have an angle that is not finite; the first is frame {first}: "
            f"predicted {predicted[first]}, human {human[first]}."
        )
    error = predicted - human
    rmse = _rms(error)
    constant_rmse = None if constant is None else _rms(human - constant)
    ratio = rmse / constant_rmse if constant_rmse else None
    return SteeringScore(error.size, rmse, float(np.abs(error).mean()), constant_rmse, ratio)


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(error))))
