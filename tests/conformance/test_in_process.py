"""The reference itself: the in-process executor gives the same bytes each time, and they are worth comparing."""

from __future__ import annotations

from pathlib import Path

from tests.conformance import golden


def test_a_golden_bag_in_the_same_bytes_out(golden_bag: Path, golden_model: Path) -> None:
    nodes = golden.graph(golden_model)
    first, second = (golden.reference(golden_bag, nodes) for _ in range(2))
    assert first == second, "all bytes are the same here, /diagnostics included"
    found = golden.results(first, golden_bag)
    assert [len(found[topic]) for topic in golden.RESULTS] == [golden.FRAMES, golden.FRAMES]


def test_the_golden_results_tell_hosts_apart(golden_bag: Path, golden_model: Path) -> None:
    found = golden.results(golden.reference(golden_bag, golden.graph(golden_model)), golden_bag)
    steered, driven = (golden.drives(found[topic]) for topic in golden.RESULTS)
    assert len(set(steered)) > golden.FRAMES * 0.9, "every frame leads to a command of its own"
    assert driven[0] == (0.0, 0.0), "it starts from standstill"
    assert driven[-1][1] == 1.0, "and comes to drive"
    passed_on = [angle for angle, _ in steered if angle in {angle for angle, _ in driven}]
    assert 0 < len(passed_on) < golden.FRAMES, "the supervisor limits some commands, not all"
