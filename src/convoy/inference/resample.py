"""How a series of another length is brought to the one a model takes: on the robot, in training and in evaluation."""

from __future__ import annotations

import numpy as np


def resample(values: np.ndarray, steps: int, times: np.ndarray | None = None) -> np.ndarray:
    """Interpolate a series of shape (T, C) linearly at `steps` instants, evenly spaced from its first to its last.

    `times`, ascending, shape (T,), says when the values were taken; without it they are evenly spaced themselves.
    Returns float32 of shape (steps, C). A single value is held.
    """
    if times is None:
        if len(values) == steps:
            return values.astype(np.float32, copy=False)
        times = np.arange(len(values), dtype=np.float64)
    if len(values) == 1:
        return np.repeat(values, steps, axis=0).astype(np.float32)
    wanted = np.linspace(times[0], times[-1], steps)
    before = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    share = ((wanted - times[before]) / (times[before + 1] - times[before]))[:, None]
    return (values[before] * (1 - share) + values[before + 1] * share).astype(np.float32)
