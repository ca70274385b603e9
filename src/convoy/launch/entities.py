"""Launch files as a tree of entities whose attributes know their line; what is not supported is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from convoy.launch.errors import LaunchError, Place
from convoy.launch.substitutions import Template, parse

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 1_000_000


class Entity:
    """One entity of a launch file: its type, and its attributes, each to be read by its name.

    Types are those that Jazzy's launch_yaml wants: most attributes are strings, so ``if: true`` must be ``if: "true"``.
    An attribute that nothing has read is refused by `finish`, which therefore knows what is supported.
    """

    def __init__(self, kind: str, node: yaml.Node, path: Path) -> None:
        self.kind = kind
        self.place = _place(node, path)
        self._path = path
        self._read: list[str] = []
        if isinstance(node, yaml.SequenceNode):
            self._attributes: dict[str, tuple[Place, yaml.Node]] = {"children": (self.place, node)}
        else:
            self._attributes = _mapping(kind, node, path)

    def finish(self) -> None:
        """Refuse the attributes that nothing has read.

        Raises:
            LaunchError: names the first one, and those that are supported.
        """
        for name, (place, _) in self._attributes.items():
            if name not in self._read:
                supported = ", ".join(self._read)
                raise LaunchError(f"{place}: {self.kind!r} has an attribute {name!r}; supported: {supported}.")

    def place_of(self, name: str) -> Place:
        """Where an attribute stands; the entity's own place if it is absent."""
        return self._attributes[name][0] if name in self._attributes else self.place

    def value(self, name: str) -> Any:
        """Read an attribute of any YAML type; None if it is absent."""
        self._read.append(name)
        if name not in self._attributes:
            return None
        place, node = self._attributes[name]
        try:
            value = yaml.constructor.SafeConstructor().construct_document(node)
        except (yaml.YAMLError, ValueError) as error:
            raise LaunchError(f"{place}: {name!r} cannot be read: {' '.join(str(error).split())}.") from None
        if value is None:
            raise LaunchError(f"{place}: {name!r} of {self.kind!r} is empty.")
        return value

    def typed(self, name: str, wanted: type[Any]) -> Any:
        """Read an attribute that must be of one type; None if it is absent."""
        value = self.value(name)
        if value is not None and type(value) is not wanted:
            place, node = self._attributes[name]
            quotable = wanted is str and isinstance(node, yaml.ScalarNode)
            hint = f'; write it in quotes: "{node.value}"' if quotable else ""
            raise LaunchError(
                f"{place}: {name!r} of {self.kind!r} is {value!r} ({type(value).__name__}); "
                f"wanted {wanted.__name__}{hint}."
            )
        return value

    def text(self, name: str) -> Template | None:
        """Read a string with substitutions; None if it is absent."""
        value = self.typed(name, str)
        return None if value is None else parse(value, self.place_of(name))

    def required_text(self, name: str) -> Template:
        """Read a string with substitutions that must be there."""
        if (text := self.text(name)) is None:
            raise LaunchError(f"{self.place}: {self.kind!r} has no {name!r}.")
        return text

    def plain(self, name: str) -> str | None:
        """Read a string in which substitutions have no meaning; None if it is absent."""
        text = self.text(name)
        if text is not None and any(not isinstance(part, str) for part in text):
            raise LaunchError(f"{self.place_of(name)}: {name!r} of {self.kind!r} takes no substitution.")
        return None if text is None else "".join(map(str, text))

    def entities(self, name: str) -> list[Entity] | None:
        """Read a list of mappings, such as the ``param`` of a node; None if it is absent."""
        self._read.append(name)
        if name not in self._attributes:
            return None
        place, node = self._attributes[name]
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise LaunchError(f"{place}: {name!r} of {self.kind!r} must be a list of mappings: a '- ' before each.")
        return [Entity(name, item, self._path) for item in node.value]

    def children(self) -> list[Entity]:
        """Read the entities inside a group or file: a list of mappings of one key, the entity's type."""
        self._read.append("children")
        if "children" not in self._attributes:
            raise LaunchError(f"{self.place}: {self.kind!r} has no 'children'.")
        place, node = self._attributes["children"]
        if not isinstance(node, yaml.SequenceNode):
            raise LaunchError(f"{place}: {self.kind!r} must hold a list of entities: '- node:', '- include:', ...")
        children = []
        for item in node.value:
            if not isinstance(item, yaml.MappingNode) or len(item.value) != 1:
                raise LaunchError(
                    f"{_place(item, self._path)}: wanted one entity, such as '- node:' with its attributes."
                )
            key, body = item.value[0]
            child = Entity(_key(key, self._path), body, self._path)
            child.place = _place(key, self._path)
            children.append(child)
        return children


def read_file(path: Path) -> Entity:
    """Read a launch file; the entity returned is its ``launch``.

    Raises:
        LaunchError: it cannot be read, is not YAML, or is not a launch file.
    """
    if path.suffix not in SUFFIXES:
        raise LaunchError(f"{path}: wanted a YAML launch file (*.launch.yaml).")
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise LaunchError(f"{path}: {len(data)} bytes; a launch file has at most {MAX_BYTES}.")
        root = yaml.compose(data.decode(), yaml.SafeLoader)
    except OSError as error:
        raise LaunchError(f"{path}: {error.strerror}.{_neighbours(path)}") from None
    except UnicodeDecodeError as error:
        raise LaunchError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise LaunchError(f"{path}{line}: is not YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise LaunchError(f"{path}: is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(root, yaml.MappingNode) or [_key(key, path) for key, _ in root.value] != ["launch"]:
        first = root.start_mark.line + 1 if root else 1
        raise LaunchError(f"{path}:{first}: wanted one key, 'launch:', with a list of entities.")
    key, entities = root.value[0]
    if not isinstance(entities, yaml.SequenceNode):
        raise LaunchError(f"{_place(key, path)}: 'launch:' must hold a list of entities: '- node:', '- arg:', ...")
    return Entity("launch", entities, path)


def _mapping(kind: str, node: yaml.Node, path: Path) -> dict[str, tuple[Place, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise LaunchError(f"{_place(node, path)}: {kind!r} must be a mapping of attributes; found {node.value!r}.")
    attributes: dict[str, tuple[Place, yaml.Node]] = {}
    for key, value in node.value:
        name = _key(key, path)
        if name in attributes:
            raise LaunchError(
                f"{_place(key, path)}: {kind!r} has {name!r} twice, first in line {attributes[name][0].line}."
            )
        attributes[name] = (_place(key, path), value)
    return attributes


def _key(node: yaml.Node, path: Path) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise LaunchError(f"{_place(node, path)}: wanted a name before the colon.")
    return str(node.value)


def _place(node: yaml.Node, path: Path) -> Place:
    return Place(path, node.start_mark.line + 1)


def _neighbours(path: Path) -> str:
    names = sorted(file.name for file in path.parent.glob("*.launch.y*ml"))
    return f" In {path.parent} there are: {', '.join(names)}." if names else ""
