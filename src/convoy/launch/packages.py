"""Where launch files are: in the source tree, or in the share folder of an installed ROS package."""

from __future__ import annotations

import os
from pathlib import Path

from convoy.launch.errors import LaunchError

BRINGUP_PACKAGE = "convoy_bringup"
"""The package that installs ``launch/``, ``config/`` and ``models/``; without ROS the source tree stands in for it."""

SOURCE_TREE = Path(__file__).parents[3]


def package_share(package: str, wanted_by: str) -> Path:
    """Return the share folder of an installed ROS package.

    Args:
        wanted_by: begins the error's message.

    Raises:
        LaunchError: names the prefixes that were searched.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    for prefix in prefixes:
        if (prefix / "share/ament_index/resource_index/packages" / package).is_file():
            return prefix / "share" / package
    if package == BRINGUP_PACKAGE and _in_source_tree():
        return SOURCE_TREE
    searched = ", ".join(map(str, prefixes)) or "none, AMENT_PREFIX_PATH is not set"
    raise LaunchError(f"{wanted_by}: there is no package {package!r}; searched: {searched}.")


def default_launch_file(name: str) -> Path:
    """Return one of convoy's own launch files: that of the source tree, or else the installed one.

    Raises:
        LaunchError: there is neither.
    """
    share = SOURCE_TREE if _in_source_tree() else package_share(BRINGUP_PACKAGE, f"{name}.launch.yaml")
    return share / "launch" / f"{name}.launch.yaml"


def _in_source_tree() -> bool:
    return (SOURCE_TREE / "launch").is_dir() and (SOURCE_TREE / "pyproject.toml").is_file()
