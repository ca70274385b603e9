"""Which offers a request refuses (OMG DDS 1.4, 2.2.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convoy.hosts.dds import EndpointQoS

RELIABLE = EndpointQoS("reliable", "volatile")
BEST_EFFORT = EndpointQoS("best_effort", "volatile")
LATCHED = EndpointQoS("reliable", "transient_local")


@pytest.mark.parametrize(
    ("offered", "requested"),
    [(RELIABLE, RELIABLE), (RELIABLE, BEST_EFFORT), (LATCHED, RELIABLE), (replace(RELIABLE, depth=1), RELIABLE)],
)
def test_an_offer_may_be_more_than_is_asked_for(offered: EndpointQoS, requested: EndpointQoS) -> None:
    assert offered.refuses(requested) == []


@pytest.mark.parametrize(
    ("offered", "requested", "why"),
    [
        (BEST_EFFORT, RELIABLE, "reliability: offered best_effort, requested reliable"),
        (RELIABLE, LATCHED, "durability: offered volatile, requested transient_local"),
        (RELIABLE, replace(RELIABLE, deadline_ns=50_000_000), "deadline: offered infinite, requested 0.05 s"),
        (RELIABLE, replace(RELIABLE, lease_ns=10**9), "liveliness lease: offered infinite, requested 1 s"),
        (
            RELIABLE,
            replace(RELIABLE, liveliness="manual_by_topic"),
            "liveliness: offered automatic, requested manual_by_topic",
        ),
    ],
)
def test_less_than_is_asked_for_is_refused(offered: EndpointQoS, requested: EndpointQoS, why: str) -> None:
    assert offered.refuses(requested) == [why]
