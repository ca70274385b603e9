"""Peers that do not match are told once, by name."""

from __future__ import annotations

from typing import Any

import pytest

from convoy.graph import DEFAULT, LATCHED, SENSOR_DATA
from convoy.hosts.dds import Participant
from convoy.hosts.dds.matching import Mismatches

STRING, IMAGE = "std_msgs/msg/String", "sensor_msgs/msg/Image"


def ignore(_data: memoryview, _source_ns: int) -> None:
    pass


@pytest.fixture
def lines(participant: Participant, eventually: Any) -> Any:
    """Waits for the next lines about the participant's endpoints."""
    mismatches = Mismatches(participant.gid)

    def lines() -> list[str]:
        found: list[str] = []
        eventually(lambda: found.extend(mismatches.news(participant.discovery.endpoints())) or found)
        assert not list(mismatches.news(participant.discovery.endpoints()))  # told once
        return found

    return lines


def test_a_subscription_that_asks_for_more(participant: Participant, domain: int, lines: Any) -> None:
    participant.node("camera", "/car").publisher("/image", IMAGE, SENSOR_DATA)
    with Participant(domain) as other:
        other.node("viewer").subscription("/image", IMAGE, LATCHED, ignore)
        assert lines() == [
            "/image: the publisher of /car/camera and the subscription of /viewer do not match (reliability: offered "
            "best_effort, requested reliable; durability: offered volatile, requested transient_local; no message "
            "goes through)."
        ]


def test_another_type(participant: Participant, domain: int, lines: Any) -> None:
    participant.node("viewer").subscription("/image", IMAGE, SENSOR_DATA, ignore)
    with Participant(domain) as other:
        other.node("joker").publisher("/image", STRING, DEFAULT)
        assert lines() == [
            "/image: the subscription of /viewer and the publisher of /joker do not match (type: offered "
            f"{STRING}, requested {IMAGE}; no message goes through)."
        ]


def test_another_definition_of_the_type(participant: Participant, domain: int, lines: Any) -> None:
    participant.node("viewer").publisher("/image", IMAGE, DEFAULT)
    with Participant(domain) as other:
        node = other.node("old")
        node.subscription("/image", IMAGE, SENSOR_DATA, ignore, type_hash="RIHS01_" + "0" * 64)
        assert "different definitions of sensor_msgs/msg/Image; messages cannot be read" in lines()[0]


def test_peers_that_match_are_nothing_to_tell(participant: Participant, domain: int) -> None:
    publisher = participant.node("camera").publisher("/image", IMAGE, DEFAULT)
    with Participant(domain) as other:
        other.node("viewer").subscription("/image", IMAGE, SENSOR_DATA, ignore)
        while not publisher.matched():
            pass
        assert not list(Mismatches(participant.gid).news(participant.discovery.endpoints()))
