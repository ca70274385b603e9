"""The parameters that belong to the host."""

from __future__ import annotations

from typing import Any

import pytest

from convoy.graph import DEFAULT, SENSOR_DATA, ParameterError, QoS
from convoy.hosts.dds.settings import split


def test_the_hosts_parameters_are_parted_from_the_components_own() -> None:
    own, settings = split({"gain": 2.0, "use_sim_time": True, "autostart": True, "qos_overrides./a.publisher.depth": 3})
    assert own == {"gain": 2.0}
    assert settings.use_sim_time
    assert settings.qos("/a", "publisher", DEFAULT) == QoS(depth=3)


def test_an_override_holds_for_its_topic_and_kind_alone() -> None:
    _, settings = split({"qos_overrides./a.publisher.durability": "transient_local"})
    assert settings.qos("/a", "publisher", DEFAULT).durability == "transient_local"
    assert settings.qos("/a", "subscription", DEFAULT) == DEFAULT
    assert settings.qos("/a/b", "publisher", SENSOR_DATA) == SENSOR_DATA


@pytest.mark.parametrize(
    ("parameters", "explained"),
    [
        ({"use_sim_time": "yes"}, "'use_sim_time' is 'yes': wanted true or false"),
        ({"autostart": False}, "'autostart' is False: without ROS 2 nobody could start the node later"),
        ({"qos_overrides./a.depth": 3}, r"wanted qos_overrides.<topic>.<publisher\|subscription>.<policy>"),
        ({"qos_overrides./a.publisher.reliability": "maybe"}, "'maybe': wanted reliable or best_effort"),
        ({"qos_overrides./a.publisher.history": "keep_all"}, "'keep_all': wanted keep_last"),
        ({"qos_overrides./a.publisher.depth": 0}, "is 0: wanted a whole number from 1"),
        ({"qos_overrides./a.publisher.colour": "red"}, "wanted one of depth, reliability, durability, history"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_wanted(parameters: dict[str, Any], explained: str) -> None:
    with pytest.raises(ParameterError, match=explained):
        split(parameters)[1].qos("/a", "publisher", DEFAULT)
