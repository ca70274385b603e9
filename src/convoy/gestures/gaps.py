"""Joints that were not seen for a while."""

from __future__ import annotations

import numpy as np


def fill_gaps(joints: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """Put joints that are NaN where they were on the way from the last sight to the next.

    `joints` has shape (T, J, 3), `times` (T,), ascending; without it the frames are evenly spaced. Before the first
    sight of a joint and after the last one it is held. One that is never seen moves with the mean of the others.
    Returns a copy of the same type; joints are still NaN only if there are none in any frame.
    """
    unseen = np.isnan(joints).any(axis=2)
    filled = joints.copy()
    if not unseen.any():
        return filled
    if times is None:
        times = np.arange(len(joints), dtype=np.float64)
    never = unseen.all(axis=0)
    for joint in np.flatnonzero(unseen.any(axis=0) & ~never):
        seen = ~unseen[:, joint]
        for axis in range(joints.shape[2]):
            filled[:, joint, axis] = np.interp(times, times[seen], joints[seen, joint, axis])
    if never.any() and not never.all():
        filled[:, never] = filled[:, ~never].mean(axis=1, keepdims=True)
    return filled
