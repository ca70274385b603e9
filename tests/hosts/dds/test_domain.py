"""ROS 2's environment variables."""

from __future__ import annotations

import pytest

from convoy.hosts.dds import DdsError, Participant, domain


def test_the_domain_is_0_unless_told_otherwise() -> None:
    assert domain.domain_id({}) == 0
    assert domain.domain_id({"ROS_DOMAIN_ID": ""}) == 0
    assert domain.domain_id({"ROS_DOMAIN_ID": "42"}) == 42


@pytest.mark.parametrize("wrong", ["-1", "233", "four", "1.5"])
def test_a_domain_that_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(DdsError, match=f"ROS_DOMAIN_ID is '{wrong}': wanted a number from 0 to 232"):
        domain.domain_id({"ROS_DOMAIN_ID": wrong})


def test_discovery_reaches_as_far_as_the_environment_says() -> None:
    subnet = domain.configuration({})
    assert "AllowMulticast" not in subnet
    assert "MaxAutoParticipantIndex>32<" in subnet
    assert domain.configuration({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}) == subnet
    for environment in ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, {"ROS_LOCALHOST_ONLY": "1"}):
        localhost = domain.configuration(environment)
        assert "<AllowMulticast>false<" in localhost
        assert '<Peer address="localhost"/>' in localhost
    off = domain.configuration({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF", "ROS_STATIC_PEERS": "10.0.0.1"})
    assert "<AllowMulticast>false<" in off
    assert "ros_discovery_off" in off
    assert "Peer " not in off
    assert "Discovery>" not in domain.configuration({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT"})


def test_static_peers_are_added() -> None:
    configuration = domain.configuration({"ROS_STATIC_PEERS": "10.0.0.1;robot.local"})
    assert '<Peer address="10.0.0.1"/><Peer address="robot.local"/>' in configuration


def test_cyclonedds_uri_has_the_last_word() -> None:
    own = "<CycloneDDS><Domain><General><FragmentSize>1300B</FragmentSize></General></Domain></CycloneDDS>"
    assert domain.configuration({"CYCLONEDDS_URI": own}).endswith(f",{own}")


def test_an_unknown_discovery_range_is_refused() -> None:
    with pytest.raises(DdsError, match="'NEARBY': wanted SUBNET, LOCALHOST, OFF or SYSTEM_DEFAULT"):
        domain.configuration({"ROS_AUTOMATIC_DISCOVERY_RANGE": "NEARBY"})


def test_a_configuration_that_cyclone_refuses_is_named(domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", "<Nonsense/>")
    with pytest.raises(DdsError, match=f"Domain {domain} cannot be joined.*CYCLONEDDS_URI"):
        Participant()


def test_who_switches_discovery_off_is_alone(domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    monkeypatch.delenv("CYCLONEDDS_URI")
    with Participant() as participant:
        participant.node("hermit")
        assert participant.discovery.nodes() == ["/hermit"]


def test_a_small_receive_buffer_is_told_with_the_remedy(
    domain: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from convoy.hosts.dds import domain as module

    monkeypatch.setattr(module, "RECEIVE_BUFFER", 1 << 29)  # more than any kernel grants
    with Participant():
        pass
    assert f"sysctl -w net.core.rmem_max={1 << 29}" in caplog.text
