"""What the nets that find things are told, and what they say, whichever they are."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

BoxTarget = dict[str, Tensor]
"""The truth of one image.

`boxes` (M, 4), x0 y0 x1 y1 in pixels of the view, with area; `labels` (M,), positions among the classes that have
boxes; `ignored` (M,), those that are neither to be found nor wrong to find; and `masks` (M, H, W) or `keypoints`
(M, P, 3), x y visible, where the net learns them.
"""

Found = list[dict[str, Tensor]]
"""Of each image: `boxes` (K, 4), x0 y0 x1 y1 in pixels of the view; `scores` (K, C), the probability of each class
that has boxes;
and `masks` (K, 28, 28), probabilities within the box, or `keypoints` (K, P, 3), x y score."""


def wanted(targets: Sequence[BoxTarget], first_label: int = 0) -> list[BoxTarget]:
    """Leave out what is ignored, for nets that know no such thing; labels count from `first_label`."""
    kept = []
    for target in targets:
        keep = ~target["ignored"]
        parts = {name: values[keep] for name, values in target.items() if name != "ignored"}
        kept.append(parts | {"labels": parts["labels"] + first_label})
    return kept
