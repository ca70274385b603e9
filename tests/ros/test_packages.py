"""What the packages of the workspace share with the rest of the repository, and how it can come apart."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import convoy
from convoy.components import COMPONENTS, component_class
from convoy.graph import Input, Output
from convoy.interfaces.messages import type_name

PACKAGES = ("convoy", "convoy_bringup", "convoy_msgs", "convoy_ros")
NOT_ON_ROS = {"cyclonedds", "rich", "typer"}
"""Of the runtime packages, those that components under rclpy do without: the DDS host's, and the command line's."""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_the_version_of_convoy(root: Path, package: str) -> None:
    folder = root / "ros2_ws" / "src" / package
    assert ElementTree.parse(folder / "package.xml").findtext("version") == convoy.__version__
    if (folder / "setup.py").exists():
        assert f'version="{convoy.__version__}"' in (folder / "setup.py").read_text()


def test_the_sources_are_linked_not_copied(root: Path) -> None:
    source = root / "ros2_ws" / "src"
    assert (source / "convoy" / "convoy").resolve() == root / "src" / "convoy"
    assert (source / "convoy" / "convoy_sim").resolve() == root / "sim" / "convoy_sim"
    definitions = root / "src" / "convoy" / "interfaces" / "definitions"
    assert (source / "convoy_msgs" / "msg").resolve() == definitions / "convoy_msgs" / "msg"


def test_the_requirements_are_those_of_the_runtime_with_devices_and_page(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    runtime = _by_name([*project["dependencies"], *extras["devices"], *extras["console"]])
    lines = (root / "ros2_ws" / "requirements.txt").read_text().splitlines()
    wanted = {name: versions for name, versions in runtime.items() if name not in NOT_ON_ROS}
    assert _by_name([line for line in lines if line and not line.startswith("#")]) == wanted


def test_the_messages_of_all_components_are_depended_on(root: Path) -> None:
    there = ElementTree.parse(root / "ros2_ws/src/convoy_ros/package.xml").iter("exec_depend")
    components = [component_class(name) for name in COMPONENTS]
    ports = [port for cls in components for port in (*cls.inputs.values(), *cls.outputs.values())]
    wanted = {type_name(port.message).partition("/")[0] for port in ports if isinstance(port, Input | Output)}
    assert wanted <= {entry.text for entry in there}


def _by_name(requirements: list[str]) -> dict[str, set[str]]:
    """Return the version and platform of each requirement, by name; one may stand there once per platform."""
    found: dict[str, set[str]] = {}
    for requirement in requirements:
        name, rest = re.fullmatch(r"([\w.-]+)(.*)", requirement.partition("#")[0].strip()).groups()  # type: ignore[union-attr]
        found.setdefault(name, set()).add(rest.replace(" ", ""))
    return found
