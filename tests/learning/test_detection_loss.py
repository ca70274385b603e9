"""Which predictions learn which truth, what they are told, and how boxes are decoded: cases computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'learn'")

from convoy.learning.nets.detection.assign import CANDIDATES, assign  # noqa: E402
from convoy.learning.nets.detection.loss import (  # noqa: E402
    BOX_WEIGHT,
    NOTHING_WEIGHT,
    detection_loss,
    probability,
    varifocal,
)
from convoy.learning.nets.detection.predictions import SIZE, Predictions, best, decode, grid  # noqa: E402
from convoy.learning.perception.detection import box_differences  # noqa: E402

STRIDE = 8
POINTS, STRIDES = grid([(4, 4)], (STRIDE,), torch.zeros(()))
FAR_AWAY = (1000.0, 1000.0, 1008.0, 1008.0)


def boxes_of(said: dict[int, tuple[float, float, float, float]]) -> torch.Tensor:
    """Of the 16 cells those named say a box; the others say one far away."""
    return torch.tensor([said.get(cell, FAR_AWAY) for cell in range(16)])


def given(truths: list[tuple[float, ...]], labels: list[int], ignored: list[bool] | None = None) -> dict:
    return {
        "boxes": torch.tensor(truths).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        "ignored": torch.tensor(ignored or [False] * len(labels), dtype=torch.bool),
    }


def assigned(scores: torch.Tensor, boxes: torch.Tensor, target: dict):
    return assign(scores, boxes, POINTS, STRIDES, target["boxes"], target["labels"], target["ignored"])


def test_cells_are_counted_row_by_row_and_lie_in_the_middle_of_their_pixels() -> None:
    points, strides = grid([(2, 3), (1, 2)], (8, 16), torch.zeros(()))
    assert points.tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12], [8, 8], [24, 8]]
    assert strides.tolist() == [8] * 6 + [16] * 2


def test_a_box_is_decoded_from_its_cell_and_back() -> None:
    assert decode(torch.zeros(1, 16, 4), POINTS, STRIDES)[0, 5].tolist() == [12 - 8, 12 - 8, 12 + 8, 12 + 8]
    raw = torch.randn(2, 16, 4)
    found = decode(raw, POINTS, STRIDES)
    middles, sides = (found[..., :2] + found[..., 2:]) / 2, found[..., 2:] - found[..., :2]
    again = torch.cat([(middles - POINTS) / STRIDE, (sides / (SIZE * STRIDE)).log()], -1)
    assert torch.allclose(again, raw, atol=1e-4)


def test_a_net_gone_wild_still_gives_finite_boxes() -> None:
    assert torch.isfinite(decode(torch.full((1, 16, 4), 1e6), POINTS, STRIDES)).all()


def test_the_best_boxes_leave_the_graph_the_best_first() -> None:
    boxes, scores = torch.arange(40.0).reshape(1, 10, 4), torch.rand(1, 10, 3)
    kept, said = best(boxes, scores, 4)
    order = scores[0].amax(1).argsort(descending=True)[:4]
    assert torch.equal(kept[0], boxes[0, order])
    assert torch.equal(said[0], scores[0, order])


def test_who_agrees_best_in_class_and_place_learns_most() -> None:
    truth = (8.0, 8.0, 24.0, 24.0)
    # Cell 5 covers the truth wholly, cell 6 half of it; both score 0.5. Cell 10 covers it, for another class.
    boxes = boxes_of({5: truth, 6: (8.0, 8.0, 24.0, 16.0), 10: truth})
    scores = torch.zeros(16, 2)
    scores[[5, 6], 0] = 0.5
    scores[10] = torch.tensor([0.1, 0.9])
    found = assigned(scores, boxes, given([truth], [0]))
    assert (found.truth >= 0).nonzero().flatten().tolist() == [5, 6, 10]
    # The alignment is score x overlap^6; the best one aims at its overlap, 1, the others at their share of it.
    assert found.quality[[5, 6, 10]].tolist() == pytest.approx([1.0, 0.5**6, 0.2])
    assert not found.ignored.any()


def test_a_cell_that_two_truths_want_learns_the_one_it_covers_better() -> None:
    wide, low = (0.0, 0.0, 32.0, 16.0), (0.0, 0.0, 32.0, 12.0)
    found = assigned(torch.full((16, 1), 0.5), boxes_of({1: (0.0, 0.0, 32.0, 15.0)}), given([low, wide], [0, 0]))
    assert found.truth[1] == 1
    assert (found.truth >= 0).sum() == 1


def test_a_truth_so_thin_that_no_cell_lies_in_it_is_learned_all_the_same() -> None:
    thin = (5.0, 3.0, 10.0, 15.0)
    x = POINTS[:, 0]
    assert not ((x > thin[0]) & (x < thin[2])).any()
    predicted = decode(torch.zeros(1, 16, 4), POINTS, STRIDES)[0]
    found = assigned(torch.full((16, 1), 0.01), predicted, given([thin], [0]))
    assert (found.truth >= 0).nonzero().flatten().tolist() == [0, 1, 4, 5]


def test_a_truth_is_learned_by_few() -> None:
    whole = (0.0, 0.0, 32.0, 32.0)
    found = assigned(torch.full((16, 1), 0.5), boxes_of(dict.fromkeys(range(16), whole)), given([whole], [0]))
    assert (found.truth >= 0).sum() == CANDIDATES < 16


def test_what_is_ignored_teaches_nothing() -> None:
    corner, other = (0.0, 0.0, 16.0, 16.0), (16.0, 16.0, 32.0, 32.0)
    boxes = boxes_of({0: corner, 10: other})
    found = assigned(torch.full((16, 1), 0.5), boxes, given([corner, other], [0, 0], [True, False]))
    assert (found.truth >= 0).nonzero().flatten().tolist() == [10]
    assert found.truth[10] == 1
    assert found.ignored.nonzero().flatten().tolist() == [0, 1, 4, 5]


def test_without_truths_nothing_is_learned_but_that() -> None:
    found = assigned(torch.rand(16, 2), torch.rand(16, 4), given([], []))
    assert (found.truth == -1).all()
    assert not found.quality.any()
    assert not found.ignored.any()


def predictions(logits: torch.Tensor, boxes: torch.Tensor) -> Predictions:
    return Predictions(logits, boxes, POINTS, STRIDES)


def test_the_loss_of_one_box_by_hand() -> None:
    truth = (8.0, 8.0, 24.0, 24.0)
    logits = torch.full((1, 16, 1), -20.0)
    logits[0, 5] = 0.0
    exact = detection_loss(predictions(logits, boxes_of({5: truth})[None]), [given([truth], [0])])
    # The one that covers the truth aims at 1 and says 0.5.
    assert float(exact["class"]) == pytest.approx(math.log(2), abs=1e-5)
    assert float(exact["box"]) == pytest.approx(0, abs=1e-5)
    # Half of the truth, and beside its middle: 1 - IoU + distance^2 / diagonal^2 + the difference of the angles.
    half = boxes_of({5: (8.0, 8.0, 24.0, 16.0)})[None]
    other = detection_loss(predictions(logits, half), [given([truth], [0])])
    angle = 4 / math.pi**2 * (math.atan(1) - math.atan(2)) ** 2
    apart = 1 - 0.5 + 4**2 / (16**2 + 16**2) + angle * angle / (1 - 0.5 + angle)
    # Its aim, 0.5, weighs it, and its score; the sum of the aims, at least 1, is what both are divided by.
    assert float(other["class"]) == pytest.approx(0.5 * math.log(2), rel=1e-4)
    assert float(other["box"]) == pytest.approx(BOX_WEIGHT * 0.5 * apart, rel=1e-4)


def test_empty_pictures_teach_that_there_is_nothing() -> None:
    logits = torch.zeros(2, 16, 3, requires_grad=True)
    boxes = torch.rand(2, 16, 4, requires_grad=True)
    parts = detection_loss(predictions(logits, boxes), [given([], []), given([], [])])
    # Each says 0.5, which counts a quarter of the weight of nothing.
    assert float(parts["class"].detach()) == pytest.approx(2 * 16 * 3 * math.log(2) * NOTHING_WEIGHT / 4, rel=1e-5)
    assert float(parts["box"].detach()) == 0
    sum(parts.values()).backward()
    assert (logits.grad > 0).all()


def test_what_lies_in_an_ignored_truth_is_no_mistake() -> None:
    corner = (0.0, 0.0, 16.0, 16.0)
    logits = torch.zeros(1, 16, 1, requires_grad=True)
    parts = detection_loss(predictions(logits, boxes_of({})[None]), [given([corner], [0], [True])])
    sum(parts.values()).backward()
    assert (logits.grad[0, :, 0] == 0).nonzero().flatten().tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_scores_become_how_often_something_is_there(share: float) -> None:
    aims = torch.zeros(1000)
    aims[: round(1000 * share)] = 0.7
    logit = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([logit], 0.05)
    for _ in range(400):
        optimiser.zero_grad()
        varifocal(logit.expand(1000), aims).sum().backward()
        optimiser.step()
    settled = logit.detach().sigmoid()
    assert float(settled) > 1.9 * share, "bolder than it is right"
    assert float(probability(settled)) == pytest.approx(share, rel=0.3)


def test_probabilities_keep_the_order_of_scores() -> None:
    scores = torch.linspace(0, 1, 1001)
    given = probability(scores)
    assert (given.diff() > 0).all()
    assert (float(given[0]), float(given[-1])) == (0, 1)


def test_boxes_are_the_same_in_whatever_order_they_come() -> None:
    rows = np.random.default_rng(0).uniform(0, 300, (100, 4)).astype(np.float32)
    scores = np.linspace(0.9, 0.1, 100, dtype=np.float32)[:, None]

    def apart(boxes: np.ndarray, said: np.ndarray) -> tuple[float, float]:
        given = box_differences({"boxes": rows, "scores": scores}, {"boxes": boxes, "scores": said})
        return given["boxes"], given["scores"]

    assert apart(rows[::-1], scores[::-1]) == (0, 0)
    assert apart(rows + 3, scores)[0] > 1e-3
    assert apart(rows, scores + 0.1)[1] > 1e-3
    last = rows.copy()
    last[-1] = 0
    assert apart(last, scores) == (0, 0), "one of a hundred may be another"
    assert apart(rows[:90], scores[:90]) == (math.inf, math.inf)
    assert apart(rows[:0], scores[:0]) == (math.inf, math.inf)
    nothing = {"boxes": rows[:0], "scores": scores[:0]}
    assert box_differences(nothing, nothing) == {"boxes": 0, "scores": 0}


def test_of_boxes_that_share_the_last_place_others_may_be_kept() -> None:
    rows = np.random.default_rng(0).uniform(0, 300, (40, 4)).astype(np.float32)
    scores = np.full((40, 1), 0.2, np.float32)
    scores[:20, 0] = np.linspace(0.9, 0.5, 20)
    others = rows.copy()
    others[20:] += 30
    wanted = {"boxes": rows, "scores": scores}
    assert box_differences(wanted, {"boxes": others, "scores": scores + 1e-6})["boxes"] == 0
    others[:20] += 30
    assert box_differences(wanted, {"boxes": others, "scores": scores})["boxes"] > 1e-3
    assert box_differences(wanted, {"boxes": rows, "scores": scores / 2})["scores"] > 1e-3
