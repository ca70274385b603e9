"""Parameters by node: which values hold for a node of a given name, and how they are read and written as YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from convoy.graph.parameters import ParameterError

EVERY_NODE = "/**"

_INT64 = range(-(2**63), 2**63)


class ParameterRules:
    """Values for the nodes that a pattern matches, with the precedence of rcl.

    A pattern is a node's full name; ``*`` stands for one part of a name and ``/**`` for any number of them. Of two
    values under one pattern the later wins. Of two patterns the one that *first appeared* later wins, whatever the
    order of the values: a value for ``/robot/supervisor`` stands although a later file has another for ``/**``.
    """

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, Any]] = {}

    def add(self, pattern: str, values: Mapping[str, Any]) -> None:
        """Add values for the nodes that `pattern` matches; names are flat, with dots."""
        self._rules.setdefault(pattern, {}).update(values)

    def add_file(self, path: Path) -> None:
        """Add what a parameter file (``*.param.yaml``) says.

        Raises:
            ParameterError: the file cannot be read, or is not a parameter file.
        """
        try:
            document = parse_yaml(path.read_text())
        except OSError as error:
            raise ParameterError(f"Parameter file {path}: {error.strerror}.") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ParameterError(f"Parameter file {path} is not YAML: {' '.join(str(error).split())}.") from None
        if not isinstance(document, dict):
            raise ParameterError(f"Parameter file {path}: wanted sections such as '/**:', found {document!r}.")
        for pattern, section in _sections(document):
            values = section.get("ros__parameters", None)
            if values is None or set(section) != {"ros__parameters"}:
                raise ParameterError(
                    f"Parameter file {path}: section {pattern!r} must have 'ros__parameters', and it alone."
                )
            if values and not isinstance(values, dict):
                raise ParameterError(f"Parameter file {path}: section {pattern!r} has no values, but {values!r}.")
            self.add(pattern, _flatten(values or {}))

    def select(self, node: str) -> dict[str, Any]:
        """Return the values that hold for the node of this full name."""
        selected: dict[str, Any] = {}
        for pattern, values in self._rules.items():
            if _matches(pattern, node):
                selected |= values
        return selected


def parse_yaml(text: str) -> Any:
    """Read YAML with the scalars that rcl knows.

    Other than in PyYAML, 1e-5 is a number and y a boolean, and dates and times stay strings; nothing is null.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, _RclLoader)


def written(value: Any) -> str:
    """Write a value as YAML that `parse_yaml` and rcl read back as the same value."""
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return yaml.safe_dump(value).split("\n")[0]


class _RclLoader(yaml.SafeLoader):
    """The scalars of rcl_yaml_param_parser: C's strtoll and strtod, YAML 1.1's booleans; keys are always strings."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's way)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        return {str(key.value): self.construct_object(value, deep=True) for key, value in node.value}

    def construct_rcl_int(self, node: yaml.ScalarNode) -> int | float:
        digits = node.value.lstrip("+-")
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        value = int(node.value, base)
        return value if value in _INT64 else float(node.value)

    def construct_rcl_float(self, node: yaml.ScalarNode) -> float:
        special = re.fullmatch(r"([-+]?)\.(inf|nan)", node.value, re.IGNORECASE)
        return float("".join(special.groups()) if special else node.value)

    def construct_rcl_bool(self, node: yaml.ScalarNode) -> bool:
        return node.value.lower() in ("y", "yes", "true", "on")


for _tag, _construct, _pattern in (
    (
        "bool",
        _RclLoader.construct_rcl_bool,
        r"[YyNn]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|[oO]n|ON|[oO]ff|OFF",
    ),
    ("int", _RclLoader.construct_rcl_int, r"[-+]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)"),
    (
        "float",
        _RclLoader.construct_rcl_float,
        r"[-+]?((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|(?i:infinity|inf|nan)|\.(inf|Inf|INF|nan|NaN|NAN))",
    ),
):
    _RclLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), None)
    _RclLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct)


def _sections(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    """List the sections; a namespace may hold nodes as nested sections."""
    found: list[tuple[str, Mapping[str, Any]]] = []
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


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
