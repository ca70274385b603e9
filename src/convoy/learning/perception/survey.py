"""What is learned from a look at the data before the net is built: classes, cameras, the mapped area."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from convoy.inference import Fit
from convoy.learning.datasets.sample import VOID, Sample
from convoy.learning.errors import LearningError
from convoy.learning.perception.choice import backbone_name, loss_name
from convoy.learning.perception.data import Samples
from convoy.learning.perception.options import PerceptionOptions
from convoy.learning.perception.task import NetSettings, Task

LOOKED_AT, LANDMARKS = 200, 1000
"""Samples, evenly spread: those that are looked at, and those whose poses are kept."""
_LEAST_SHARE = 1e-4
_SLACK, _LEAST_SLACK_M = 0.02, 1.0
"""By how much the mapped area is larger on each side than what was seen of it: a share of its diagonal."""


def survey(task: Task, options: PerceptionOptions, samples: Samples) -> NetSettings:
    """Say what a net for these samples is built from.

    Raises:
        LearningError: there is no such net or loss, the net takes no such backbone, or the samples lack what the task
            needs.
    """
    backbone, loss = backbone_name(task, options.net, options.backbone), loss_name(task, options.loss)
    seen = list(samples.some(LOOKED_AT))
    for sample in seen:
        for name in task.needs_of(loss):
            if getattr(sample, name) is None:
                raise LearningError(f"{sample.name} has no {name}, which {task.name} is taught by.")
    dataset = samples.pieces[0].dataset
    if options.class_weights and not task.weighted:
        raise LearningError(f"Class weights are of no use to {task.name}.")
    poses = _poses(samples.some(LANDMARKS) if "pose" in task.needs else seen)
    positions = poses[:, :3]
    origin, extent = _area(positions)
    return NetSettings(
        backbone=backbone,
        width=options.width,
        height=options.height,
        classes=tuple(dataset.classes),
        boxed=tuple(dataset.boxed),
        points=tuple(dataset.points),
        class_weights=_weights(seen, len(dataset.classes)) if options.class_weights else (),
        dropout=options.dropout,
        loss=loss,
        pretrained=options.pretrained,
        focal_px=_focal_length(seen, options.width, options.height, axis=1),
        metre_px=float(np.median([sample.baseline_m for sample in seen]))
        * _focal_length(seen, options.width, options.height, axis=0),
        origin=origin,
        extent_m=extent,
        bounds=_bounds(positions),
        landmarks=tuple(tuple(pose) for pose in poses.tolist()),
    )


def _weights(samples: list[Sample], classes: int) -> tuple[float, ...]:
    """Rare classes count more: by the inverse root of their share of the pixels, with mean 1 over the pixels.

    A class that is one pixel in 5000 is given up otherwise, and `overlap_loss`, which keeps what is rare from growing
    too wide, can't bring it back: where nothing is claimed it has no slope.
    """
    counts = np.zeros(256)
    for sample in samples:
        labels = sample.mask if sample.mask is not None else np.array([sample.category], np.uint8)
        counts += np.bincount(labels.ravel(), minlength=256)
    counts[VOID] = 0
    shares = counts[:classes] / max(1.0, counts[:classes].sum())
    weights = np.maximum(shares, _LEAST_SHARE) ** -0.5
    return tuple((weights / (weights * shares).sum()).tolist())


def _focal_length(samples: list[Sample], width: int, height: int, axis: int) -> float:
    """The typical focal length in pixels of the view, 0 where no camera is known; `axis` 0 is horizontal, 1 vertical.

    Views are stretched where pictures are of another aspect, and on a road it is the row of its foot that tells how far
    a thing is (van Dijk & de Croon 2019, "How Do Neural Networks See Depth in Single Images?"). Disparity is across.
    """
    lengths = [
        sample.camera[axis, axis] * Fit.stretched(sample.image.shape[1::-1], (width, height)).scale[axis]
        for sample in samples
        if sample.camera is not None
    ]
    return float(np.median(lengths)) if lengths else 0.0


def _poses(samples: Iterable[Sample]) -> np.ndarray:
    """(N, 7), the quaternions with a positive w: of the two that are one rotation, neighbours have the same."""
    poses = np.array([sample.pose for sample in samples if sample.pose is not None]).reshape(-1, 7)
    poses[:, 3:] *= np.where(poses[:, 6:] < 0, -1, 1)
    return poses


def _area(positions: np.ndarray) -> tuple[tuple[float, float, float], float]:
    if not len(positions):
        return (0.0, 0.0, 0.0), 1.0
    middle = positions.mean(axis=0)
    extent = max(1.0, float(np.sqrt(((positions - middle) ** 2).sum(axis=1).mean())))
    return (float(middle[0]), float(middle[1]), float(middle[2])), extent


def _bounds(positions: np.ndarray) -> tuple[float, float, float, float, float, float] | None:
    if not len(positions):
        return None
    low, high = positions.min(axis=0), positions.max(axis=0)
    # Not every sample was looked at, and a pose is off by a little without being wrong.
    slack = max(_LEAST_SLACK_M, _SLACK * float(np.linalg.norm(high - low)))
    edges = [float(value) for value in (*(low - slack), *(high + slack))]
    return edges[0], edges[1], edges[2], edges[3], edges[4], edges[5]
