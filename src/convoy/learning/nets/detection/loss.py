"""What a prediction is told: how well its score says how good its box is, and how good the box is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import complete_box_iou_loss

from convoy.learning.nets.detection.assign import assign
from convoy.learning.nets.detection.predictions import Predictions
from convoy.learning.nets.detection.targets import BoxTarget

CLASS_WEIGHT, BOX_WEIGHT = 1.0, 2.5
NOTHING_WEIGHT, NOTHING_POWER = 0.75, 2.0
"""Of cells that see nothing: what is plain counts little. Evenly weighed they drown what is small and rare: signs and
cones were first found after thousands of steps, and so within hundreds."""
_USUAL_QUALITY = 0.7
"""Of a box that finds something."""


def varifocal(logits: Tensor, aims: Tensor) -> Tensor:
    """Compare scores with what they should be, 0 where nothing is, element by element (Zhang et al. 2021)."""
    weight = torch.where(aims > 0, aims, NOTHING_WEIGHT * logits.detach().sigmoid() ** NOTHING_POWER)
    return functional.binary_cross_entropy_with_logits(logits, aims, weight, reduction="none")


def probability(scores: Tensor) -> Tensor:
    """Turn scores, sigmoids that `varifocal` has taught, into how likely something is there; in the same order.

    What counts little is guessed boldly: where something is once in twenty times, such a score settles at 0.3. This is
    the share at which the loss of what is there balances that of what is not.
    """
    there = NOTHING_WEIGHT / _USUAL_QUALITY**2 * scores ** (1 + NOTHING_POWER)
    return there / (1 - scores + there)


def detection_loss(predictions: Predictions, targets: Sequence[BoxTarget]) -> dict[str, Tensor]:
    """Compare the predictions for N images with their truths.

    Scores learn by varifocal loss (Zhang et al. 2021) the quality that the assignment aims at, boxes by their complete
    IoU (Zheng et al. 2020), weighted by it. An image may be without truths.
    """
    aims = torch.zeros_like(predictions.logits)
    counted = torch.ones_like(predictions.logits[..., 0])
    found, wanted, weights = [], [], []
    scores, boxes = predictions.logits.detach().sigmoid(), predictions.boxes.detach()
    for image, target in enumerate(targets):
        truths, labels = target["boxes"], target["labels"]
        assignment = assign(
            scores[image], boxes[image], predictions.points, predictions.strides, truths, labels, target["ignored"]
        )
        (learning,) = torch.nonzero(assignment.truth >= 0, as_tuple=True)
        truth, quality = assignment.truth[learning], assignment.quality[learning]
        aims[image, learning, labels[truth]] = quality.to(aims.dtype)
        counted[image] = (~assignment.ignored).to(counted.dtype)
        found.append(predictions.boxes[image, learning])
        wanted.append(truths[truth])
        weights.append(quality)
    total = aims.sum().clamp(min=1.0)
    weighed = varifocal(predictions.logits, aims)
    apart = complete_box_iou_loss(torch.cat(found), torch.cat(wanted))
    return {
        "class": CLASS_WEIGHT * (weighed * counted[..., None]).sum() / total,
        "box": BOX_WEIGHT * (apart * torch.cat(weights)).sum() / total,
    }
