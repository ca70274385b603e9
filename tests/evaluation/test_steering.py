"""The figures by which a steering model is judged."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from convoy.evaluation.steering import EvaluationError, score


def test_compares_with_the_human_and_with_a_constant() -> None:
    result = score(np.array([0.0, 0.1, 0.2, 0.3]), np.array([0.0, 0.2, 0.2, 0.0]), constant=0.1)
    assert result.frames == 4
    assert result.rmse_rad == pytest.approx(math.sqrt((0.01 + 0.09) / 4))
    assert result.mae_rad == pytest.approx(0.1)
    assert result.constant_rmse_rad == pytest.approx(0.1)
    assert result.ratio == pytest.approx(result.rmse_rad / 0.1)
    assert json.loads(json.dumps(result.as_dict()))["frames"] == 4


def test_sums_single_precision_angles_without_loss() -> None:
    human = np.full(100_000, 0.1, np.float32)
    assert score(human + np.float32(0.05), human, constant=0.0).rmse_rad == pytest.approx(0.05, rel=1e-6)


def test_says_nothing_of_a_baseline_that_is_not_known_or_perfect() -> None:
    assert score(np.zeros(2), np.ones(2), constant=None).constant_rmse_rad is None
    assert score(np.zeros(2), np.ones(2), constant=1.0).ratio is None


def test_refuses_what_can_not_be_compared() -> None:
    with pytest.raises(EvaluationError, match=r"\(2,\) predicted angles against \(3,\)"):
        score(np.zeros(2), np.zeros(3), constant=0.0)
    with pytest.raises(EvaluationError, match="no frames"):
        score(np.zeros(0), np.zeros(0), constant=0.0)
    with pytest.raises(EvaluationError, match=r"1 of 3 frames .* the first is frame 1: predicted nan"):
        score(np.array([0.0, math.nan, 0.0]), np.zeros(3), constant=0.0)
