"""Which offers a request refuses (OMG DDS 1.4, 2.2.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convoy.bags import QosProfile
from convoy.hosts.dds.qos import refusals

RELIABLE = QosProfile("reliable", "volatile")
BEST_EFFORT = QosProfile("best_effort", "volatile")
LATCHED = QosProfile("reliable", "transient_local")


@pytest.mark.parametrize(
    ("offered", "requested"),
    [(RELIABLE, RELIABLE), (RELIABLE, BEST_EFFORT), (LATCHED, RELIABLE), (replace(RELIABLE, depth=1), RELIABLE)],
)
def test_an_offer_may_be_more_than_is_asked_for(offered: QosProfile, requested: QosProfile) -> None:
    assert refusals(offered, requested) == []


@pytest.mark.parametrize(
    ("offered", "requested", "why"),
    [
        (BEST_EFFORT, RELIABLE, "reliability: offered best_effort, requested reliable"),
        (RELIABLE, LATCHED, "durability: offered volatile, requested transient_local"),
        (RELIABLE, replace(RELIABLE, deadline_ns=50_000_000), "deadline: offered infinite, requested 0.05 s"),
        (
            RELIABLE,
            replace(RELIABLE, liveliness_lease_duration_ns=10**9),
            "liveliness lease duration: offered infinite, requested 1 s",
        ),
        (
            RELIABLE,
            replace(RELIABLE, liveliness="manual_by_topic"),
            "liveliness: offered automatic, requested manual_by_topic",
        ),
    ],
)
def test_less_than_is_asked_for_is_refused(offered: QosProfile, requested: QosProfile, why: str) -> None:
    assert refusals(offered, requested) == [why]
