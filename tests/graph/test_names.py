"""Topics resolve as in ROS 2."""

from __future__ import annotations

import pytest

from convoy.graph import NamingError, NodeName


@pytest.mark.parametrize(
    ("namespace", "name", "resolved"),
    [
        ("/", "image", "/image"),
        ("/robot", "image", "/robot/image"),
        ("/robot/front", "camera/image", "/robot/front/camera/image"),
        ("/robot", "/diagnostics", "/diagnostics"),
        ("/", "~/route", "/policy/route"),
        ("/robot", "~/route", "/robot/policy/route"),
    ],
)
def test_a_name_is_absolute_private_or_in_the_namespace(namespace: str, name: str, resolved: str) -> None:
    assert NodeName("policy", namespace).topic(name) == resolved


@pytest.mark.parametrize("namespace", ["/", "/robot"])
def test_full_name_has_one_slash_between_parts(namespace: str) -> None:
    assert NodeName("policy", namespace).full == namespace.rstrip("/") + "/policy"


@pytest.mark.parametrize(
    ("source", "target", "name", "resolved"),
    [
        ("image", "/camera/image_raw", "image", "/camera/image_raw"),
        ("image", "front", "image", "/robot/front"),
        ("image", "~/front", "image", "/robot/policy/front"),
        ("/robot/image", "/camera", "image", "/camera"),
        ("~/route", "/route", "~/route", "/route"),
        ("/image", "/camera", "image", "/robot/image"),
        ("drive", "/camera", "image", "/robot/image"),
        ("/diagnostics", "health", "/diagnostics", "/robot/health"),
    ],
)
def test_a_remapping_holds_for_the_resolved_name(source: str, target: str, name: str, resolved: str) -> None:
    assert NodeName("policy", "/robot", {source: target}).topic(name) == resolved


def test_the_first_remapping_that_fits_wins() -> None:
    node = NodeName("policy", "/robot", {"/robot/image": "/first", "image": "/second"})
    assert node.topic("image") == "/first"


def test_remapping_an_image_topic_carries_its_transport_along() -> None:
    node = NodeName("policy", "/", {"image": "/camera/image_raw"})
    assert node.topic("image", "/compressed") == "/camera/image_raw/compressed"
    assert NodeName("policy").topic("image", "/compressed") == "/image/compressed"


def test_a_transport_can_be_remapped_by_itself() -> None:
    node = NodeName("policy", "/", {"image": "/front", "image/compressed": "/jpegs"})
    assert node.topic("image") == "/front"
    assert node.topic("image", "/compressed") == "/jpegs"


@pytest.mark.parametrize("name", ["", "/", "9lives", "a//b", "a/", "a b", "~", "~image", "a-b", "a/9", "image\n"])
def test_a_topic_that_breaks_the_rules_is_refused(name: str) -> None:
    with pytest.raises(NamingError, match="wanted parts of letters"):
        NodeName("policy").topic(name)
    with pytest.raises(NamingError, match="wanted parts of letters"):
        NodeName("policy", "/", {"image": name}).topic("image")


@pytest.mark.parametrize("name", ["", "9lives", "a/b", "a-b", "/a"])
def test_a_node_name_that_breaks_the_rules_is_refused(name: str) -> None:
    with pytest.raises(NamingError, match="no digit first"):
        NodeName(name)


@pytest.mark.parametrize("namespace", ["", "robot", "/robot/", "//", "/9", "~/robot"])
def test_a_namespace_that_breaks_the_rules_is_refused(namespace: str) -> None:
    with pytest.raises(NamingError, match="absolute name such as '/robot'"):
        NodeName("policy", namespace)
