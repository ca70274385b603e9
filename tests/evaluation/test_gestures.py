"""Figures of recognition: accuracy with its interval, and what counts as right in a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convoy.evaluation.gestures import Found, draw_confusion, score_clips, score_streams, wilson
from convoy.evaluation.steering import EvaluationError
from convoy_sim.hands import Event, Stream

CLASSES = ("wave", "point", "unknown")


def stream(*events: tuple[str, float, float]) -> Stream:
    times = np.linspace(0, 60, 1801)
    return Stream(times, np.zeros((1801, 22, 3)), tuple(Event(name, 1, start, end) for name, start, end in events))


def test_accuracy_counts_gestures_and_rejection_what_is_none() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2, 2, 2])
    named = np.array([0, 0, 1, 1, 2, 2, 2, 0])
    score = score_clips(named, labels, CLASSES)
    assert (score.clips, score.accuracy, score.rejected) == (4, 0.75, 0.75)
    assert score.recall == {"wave": pytest.approx(2 / 3), "point": 1.0, "unknown": 0.75}
    assert score.confusion.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 3]]
    assert score.low < 0.75 < score.high


def test_the_interval_is_wilsons() -> None:
    low, high = wilson(8, 10)  # an example of the literature
    assert (low, high) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 10)[0] == 0.0


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no clip of a gesture"):
        score_clips(np.array([2]), np.array([2]), CLASSES)
    with pytest.raises(EvaluationError, match="1 named classes for 2 clips"):
        score_clips(np.array([2]), np.array([2, 0]), CLASSES)
    with pytest.raises(EvaluationError, match="No gesture was made"):
        score_streams([(stream(), [])])


def test_right_is_the_same_name_at_the_same_time_and_once() -> None:
    made = stream(("wave", 1.0, 2.0), ("point", 5.0, 6.0), ("wave", 10.0, 11.0))
    found = [
        Found("wave", 1.1, 2.1, 2.3),
        Found("wave", 1.2, 2.1, 2.4),  # a second time
        Found("wave", 5.0, 6.0, 6.2),  # another name
        Found("wave", 20.0, 21.0, 21.2),  # out of nothing
    ]
    score = score_streams([(made, found)])
    assert (score.precision, score.recall) == (0.25, pytest.approx(1 / 3))
    assert score.f1 == pytest.approx(2 / 7)
    assert score.false_alarms_per_minute == pytest.approx(3.0)
    assert score.delay_max_s == pytest.approx(0.3)


def test_the_confusion_matrix_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'report'")
    draw_confusion(score_clips(np.array([0, 1]), np.array([0, 0]), CLASSES), CLASSES, tmp_path / "out" / "c.png")
    assert (tmp_path / "out" / "c.png").read_bytes().startswith(b"\x89PNG")
