"""What all segmentation nets have in common: logits at the size of the picture, and cross-entropy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from convoy.learning.datasets.sample import VOID
from convoy.learning.nets.blocks import resize, resize_like
from convoy.learning.perception.task import NetSettings, PerceptionNet


class ClassLoss(nn.Module):
    """Cross-entropy of logits with masks (N, H, W), weighed by class, and `overlap_loss`; void counts for nothing.

    Logits (N, C, h, w) of another size are compared as they are deployed, brought to the size of the masks. Those of
    half the size are compared, while they are taught, at one pixel in four, each time at another one of the four: to
    make and compare the others, which say nearly the same, takes a third of a small net's time.
    """

    weights: Tensor

    def __init__(self, settings: NetSettings) -> None:
        super().__init__()
        weights = torch.tensor(settings.class_weights or [1.0] * len(settings.classes))
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        if self.training and masks.shape[-2:] == (2 * logits.shape[-2], 2 * logits.shape[-1]):
            row, column = (int(place) for place in torch.randint(2, (2,)))
            logits, masks = quarter(logits, row, column), masks[:, row::2, column::2]
        logits = resize(logits, masks.shape[-2], masks.shape[-1])
        # Its own mean: that of torch is NaN where all of a batch is void.
        losses = functional.cross_entropy(logits.float(), masks, self.weights, ignore_index=VOID, reduction="none")
        return losses.sum() / (masks != VOID).sum().clamp(min=1) + overlap_loss(logits.float(), masks)


def overlap_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus Dice's coefficient, the mean over the classes that the batch shows (Sudre et al. 2017).

    A pedestrian far away is a few pixels of a picture: the cross-entropy hardly asks for them, this as much as for the
    road.
    """
    known = masks != VOID
    probabilities, truth = logits.softmax(dim=1) * known[:, None], masks[known]
    right = probabilities.gather(1, masks.where(known, 0)[:, None])[:, 0][known]
    common = right.new_zeros(logits.shape[1]).index_add(0, truth, right)
    count = torch.bincount(truth, minlength=logits.shape[1])
    overlap = 2 * common / (probabilities.sum(dim=(0, 2, 3)) + count).clamp(min=1)
    shown = count > 0
    return ((1 - overlap) * shown).sum() / shown.sum().clamp(min=1)


def quarter(maps: Tensor, row: int, column: int) -> Tensor:
    """Of maps (N, C, h, w) brought to twice their size, give each second row and column, from `row` and `column` on."""
    framed = functional.pad(maps, (1, 1, 1, 1), mode="replicate")
    nearer, other = framed[:, :, 1:-1], framed[:, :, 2:] if row else framed[:, :, :-2]
    framed = 0.75 * nearer + 0.25 * other
    nearer, other = framed[:, :, :, 1:-1], framed[:, :, :, 2:] if column else framed[:, :, :, :-2]
    return 0.75 * nearer + 0.25 * other


class SegmentationNet(PerceptionNet):
    """Classes of pixels. A subclass says `logits`, and `auxiliary` where more than the last layer is taught.

    `forward` gives logits (N, C, H, W) at the size of the views; targets are masks (N, H, W) int64.
    """

    def __init__(self, settings: NetSettings, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.class_loss = ClassLoss(settings)

    @abstractmethod
    def logits(self, views: Tensor) -> Tensor:
        """Give logits (N, C, h, w), of any size."""

    def auxiliary(self, views: Tensor) -> Sequence[tuple[float, Tensor]]:
        """Give all logits that are taught, those of `logits` last, and the weight of each."""
        return [(1.0, self.logits(views))]

    def forward(self, views: Tensor) -> Tensor:
        return resize_like(self.logits(views), views)

    def loss(self, views: Tensor, targets: Tensor) -> dict[str, Tensor]:
        taught = self.auxiliary(views) if self.training else [(1.0, self.logits(views))]
        return {
            f"class_{number}": weight * self.class_loss(logits, targets)
            for number, (weight, logits) in enumerate(taught)
        }
