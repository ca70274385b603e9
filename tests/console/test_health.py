"""How components are doing, in words for whoever stands beside the robot."""

from __future__ import annotations

from typing import Any

from convoy.console.health import MOST, Health
from convoy.graph.health import Level, Status, diagnostics

RUNNING = Status(
    Level.OK,
    "running",
    {
        "image received (Hz)": "20.0",
        "image replaced": "2",
        "depth received (Hz)": "0.0",
        "age at publish p99 (ms)": "18.3",
    },
)


def summary(*reports: tuple[str, dict[str, Status]], now_s: float = 1.0) -> list[dict[str, Any]]:
    health = Health()
    for component, statuses in reports:
        health.hear(diagnostics(component, 0, statuses), 0.0)
    return health.summary(now_s)


def test_a_component_that_is_fine_says_what_it_does_and_how_fast() -> None:
    model = Status(Level.OK, "rc_steering on cpu", {"version": "1"})
    (policy,) = summary(("policy", {"Frequency Status": RUNNING, "Model": model}))
    assert (policy["state"], policy["said"]) == ("fine", "Model: rc_steering on cpu")
    assert policy["traffic"] == ("image 20.0 times a second, 2 image skipped, answers within 18.3 ms")


def test_the_worst_of_a_component_is_what_is_said() -> None:
    engaged = Status(Level.ERROR, "engaged; release it", {})
    (supervisor,) = summary(("supervisor", {"Frequency Status": RUNNING, "Emergency stop": engaged}))
    assert (supervisor["state"], supervisor["said"]) == ("act", "Emergency stop: engaged; release it")


def test_an_input_that_is_silent_is_waited_for_and_a_component_that_is_silent_has_stopped() -> None:
    stale = {"Frequency Status": Status(Level.STALE, "nothing received on image", {})}
    assert summary(("policy", stale))[0]["state"] == "waiting"
    (gone,) = summary(("policy", stale), now_s=10.0)
    assert gone["state"] == "silent"
    assert "10 s" in gone["said"]


def test_memory_is_bounded_whoever_reports() -> None:
    reports = [(f"node {number}", {"Status": Status(Level.OK, "x" * 10_000, {})}) for number in range(3 * MOST)]
    found = summary(*reports)
    assert len(found) == MOST
    assert len(found[0]["said"]) < 1000
