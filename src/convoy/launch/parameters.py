"""Parameter files (``*.param.yaml``): which values hold for a node of a given name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from convoy.graph.parameters import ParameterError


def read_parameters(path: Path, node: str) -> dict[str, Any]:
    """Read what a parameter file says for one node, as rcl does.

    Sections are keyed by a node's full name; ``*`` stands for one part of a name and ``/**`` for any number of them.
    Later sections win over earlier ones. Nested values are joined with dots.

    Args:
        path: the file.
        node: the node's full name, such as ``/robot/supervisor``.

    Raises:
        ParameterError: the file cannot be read, or is not a parameter file.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ParameterError(f"Parameter file {path}: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"Parameter file {path} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(document, dict):
        raise ParameterError(f"Parameter file {path}: wanted sections such as '/**:', found {document!r}.")
    values: dict[str, Any] = {}
    for pattern, section in _sections(document):
        if "ros__parameters" not in section:
            raise ParameterError(f"Parameter file {path}: section {pattern!r} has no 'ros__parameters'.")
        if _matches(pattern, node):
            values |= _flatten(section["ros__parameters"] or {})
    return values


def _sections(document: dict[str, Any], prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
    """List the sections; a namespace may hold nodes as nested sections."""
    found: list[tuple[str, dict[str, Any]]] = []
    for key, section in document.items():
        name = f"{prefix}/{str(key).strip('/')}"
        nested = isinstance(section, dict) and "ros__parameters" not in section and section
        if nested and all(isinstance(value, dict) for value in section.values()):
            found += _sections(section, name)
        else:
            found.append((name, section if isinstance(section, dict) else {}))
    return found


def _matches(pattern: str, node: str) -> bool:
    parts = [
        {"**": r"(/[^/]+)*", "*": r"/[^/]+"}.get(part, "/" + re.escape(part)) for part in pattern.strip("/").split("/")
    ]
    return re.fullmatch("".join(parts), node) is not None


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
