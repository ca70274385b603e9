"""What a launch file may not have: each refused with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convoy.launch import LaunchError, load

Write = Callable[..., Path]

IN_LAUNCH = [
    ("- lifecycle_node: {pkg: x}", 2, "found 'lifecycle_node'; supported, nearest first: "),
    ("- nod: {pkg: x}", 2, "found 'nod'; supported, nearest first: node, "),
    ("- node:\n    pkg: a\n    exec: b\n    pakage: c", 5, "'node' has an attribute 'pakage'; supported: if, unless, "),
    ("- node: {exec: b}", 2, "'node' has no 'pkg'"),
    ("- node: {pkg: b}", 2, "'node' has no 'exec'"),
    ("- node:\n    pkg: a\n    exec: b\n    pkg: c", 5, "'node' has 'pkg' twice, first in line 3"),
    ("- node: hello", 2, "'node' must be a mapping of attributes; found 'hello'"),
    ("- node:", 2, "'node' must be a mapping"),
    ("- node", 2, "wanted one entity"),
    ("- {let: {name: a, value: b}, arg: {name: a}}", 2, "wanted one entity"),
    ("- group: {if: 'true'}", 2, "'group' has no 'children'"),
    ("- group: {children: {a: b}}", 2, "'group' must hold a list"),
    ("- group: {scoped: 'no', children: []}", 2, "'scoped' of 'group' is 'no' (str); wanted bool"),
    ("- group: {forwarding: false, children: []}", 2, "'group' has an attribute 'forwarding'"),
    ("- arg: {name: x, default: 0.5}", 2, 'is 0.5 (float); wanted str; write it in quotes: "0.5"'),
    ("- arg: {default: a}", 2, "'arg' has no 'name'"),
    ("- arg: {name: $(var x)}", 2, "'name' of 'arg' takes no substitution"),
    ("- arg: {name: x, default: }", 2, "'default' of 'arg' is empty"),
    ("- arg: {name: x, default: !colour red}", 2, "'default' cannot be read"),
    ("- arg: {name: x, default: c, choice: [{value: a}, {value: b}]}", 2, "'x' is 'c'; wanted one of a, b"),
    ("- arg: {name: x, default: c, choice: a}", 2, "'choice' of 'arg' must be a list of mappings"),
    ("- arg: {name: x, if: 'true'}", 2, "argument 'x' has no default, and no value is given"),
    ("- group: {if: 'true', unless: 'true', children: []}", 2, "has both 'if' and 'unless'"),
    ("- group: {if: true, children: []}", 2, "'if' of 'group' is True (bool); wanted str"),
    ("- group:\n    children: []\n    if: maybe", 4, "the condition is 'maybe'; wanted true, false, 1 or 0"),
    ("- group:\n    children: []\n    if: ''", 4, "the condition is ''"),
    ("- push_ros_namespace: {namespace: 2d}", 2, "Namespace '/2d'"),
    ("- include: {file: $(dirname)/other.launch.yaml}", 2, "there is no launch file"),
    ("- include: {file: $(dirname)/test.launch.yaml}", 2, "includes itself: "),
    ("- let: {name: x, value: $(var speed)}", 2, "there is no variable 'speed'"),
    ("- let: {name: x, value: $(env CONVOY_ABSENT)}", 2, "there is no environment variable 'CONVOY_ABSENT'"),
    ("- let: {name: x, value: $(find-pkg-share nope)}", 2, "there is no package 'nope'; searched: "),
    ("- let:\n    name: x\n    value: $(command ls)", 4, "found $(command); supported: $(var NAME)"),
    ("- let: {name: x, value: $(var)}", 2, "found '$(var)', with 0 arguments; wanted $(var NAME)"),
    ("- let: {name: x, value: $(dirname here)}", 2, "with 1 arguments; wanted $(dirname)"),
    ("- let: {name: x, value: $(var x}", 2, "cannot read '$(var x'"),
    ("- let: {name: x, value: $(env  HOME)}", 2, "cannot read '$(env  HOME)'"),
    ("- let: {name: x, value: $(env HOME (a))}", 2, "cannot read"),
    ('- let: {name: x, value: "$(env HOME \'a)"}', 2, "cannot read"),
    ("- let: {name: x, value: $()}", 2, "cannot read"),
]

IN_NODE = [
    ("output: loud", "found output 'loud'; supported: screen"),
    ("respawn: true", "'respawn' of 'node' is True (bool); wanted str"),
    ("respawn: sometimes", "found 'sometimes'; wanted bool"),
    ("respawn_delay: 2", "'respawn_delay' of 'node' is 2 (int); wanted float"),
    ("respawn_delay: -1.0", "'respawn_delay' is -1.0; wanted seconds"),
    ("name: 2nd", "Node name '2nd'"),
    ("namespace: a b", "Namespace '/a b'"),
    ("ros_args: --speed 1", "found '--speed'"),
    ("args: --speed 1", "'node' has an attribute 'args'"),
    ("remap: {from: a, to: b}", "'remap' of 'node' must be a list of mappings"),
    ("remap: [{from: a}]", "'remap' has no 'to'"),
    ("param: [{name: x}]", "has either a 'value' or nested 'param'"),
    ("param: [{name: x, value: 1, param: [{name: y, value: 1}]}]", "has either a 'value' or nested 'param'"),
    ("param: [{value: 1}]", "'param' has no 'name'"),
    ("param: [{name: x, from: y}]", "'param' has an attribute 'name'; supported: from"),
    ("param: [{from: /nowhere.yaml}]", "/nowhere.yaml: No such file"),
    ("param: [{name: x, value: 5, type: float}]", "found 5 (int); wanted float"),
    ("param: [{name: x, value: '5', type: int}]", "found '5' (str); wanted int"),
    ("param: [{name: x, value: $(var text), type: int}]", "found 'many'; wanted int"),
    ("param: [{name: x, value: $(var text), type: list_of_str}]", "but its type is 'list_of_str'"),
    ("param: [{name: x, value: 5, type: double}]", "found type 'double'; supported: str, bool"),
    ("param: [{name: x, value: [1, 2.5]}]", "found a list of float and int"),
    ("param: [{name: x, value: [1, $(var text)]}]", "found a list of int and str"),
    ("param: [{name: x, value: []}]", "found an empty list"),
    ("param: [{name: x, value: {a: 1}}]", "found {'a': 1} (dict)"),
    ("param: [{name: x, value: 2026-01-31}]", "(date); wanted bool, int, float, str"),
    ("param: [{name: x, value: $(var nothing)}]", "found 'null'; wanted bool"),
]


@pytest.mark.parametrize(("entity", "line", "message"), IN_LAUNCH)
def test_an_entity_that_is_wrong_is_refused_with_its_line(write: Write, entity: str, line: int, message: str) -> None:
    path = write("launch:\n" + "\n".join("  " + part for part in entity.split("\n")))
    with pytest.raises(LaunchError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(("attribute", "message"), IN_NODE)
def test_a_node_that_is_wrong_is_refused_with_its_line(write: Write, attribute: str, message: str) -> None:
    path = write(
        "launch:\n"
        "  - let: {name: text, value: many}\n"
        "  - let: {name: nothing, value: 'null'}\n"
        f"  - node: {{pkg: convoy_ros, exec: supervisor, {attribute}}}\n"
    )
    with pytest.raises(LaunchError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}:4: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: wanted one key, 'launch:'"),
        ("launch: []\nmore: []\n", ":1: wanted one key, 'launch:'"),
        ("\nlaunch:\n  node: {}\n", ":2: 'launch:' must hold a list"),
        ("launch:\n  - node: {pkg: a\n  - b", ":3: is not YAML: "),
    ],
)
def test_what_is_no_launch_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "test.launch.yaml"
    path.write_text(text)
    with pytest.raises(LaunchError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}{message}")


def test_an_alias_inside_of_itself_is_refused(write: Write) -> None:
    with pytest.raises(LaunchError, match=r"an alias .* stands inside of what it stands for"):
        load(write("launch: &all [{group: *all}]"))


def test_a_missing_launch_file_is_refused_with_those_that_are_there(write: Write) -> None:
    path = write("launch: []", "steering.launch.yaml")
    with pytest.raises(LaunchError, match=r"stearing.launch.yaml: No such file.*there are: steering\.launch\.yaml"):
        load(path.with_name("stearing.launch.yaml"))


def test_other_formats_of_launch_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"x\.launch\.py: wanted a YAML launch file"):
        load(tmp_path / "x.launch.py")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.launch.yaml"
    path.write_bytes(b"launch: []\xff")
    with pytest.raises(LaunchError, match="is not UTF-8 text"):
        load(path)


def test_a_file_that_is_far_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.launch.yaml"
    path.write_bytes(b" " * 2_000_000)
    with pytest.raises(LaunchError, match="2000000 bytes; a launch file has at most"):
        load(path)


def test_an_unknown_argument_is_refused_with_the_nearest_ones(write: Write) -> None:
    path = write('launch: [{arg: {name: image, default: x}}, {arg: {name: speed, default: "1"}}]')
    with pytest.raises(LaunchError, match=r"command line gives 'sped', which is no argument of .*: speed, image"):
        load(path, {"sped": "2"})


def test_an_argument_of_a_part_that_is_left_out_is_still_known(write: Write) -> None:
    path = write("launch: [{group: {if: 'false', children: [{arg: {name: device, default: x}}]}}]")
    load(path, {"device": "y"})


def test_a_missing_argument_is_refused_with_its_description(write: Write) -> None:
    path = write("launch: [{arg: {name: model, description: the ONNX file}}, {arg: {name: speed, default: '1'}}]")
    with pytest.raises(LaunchError, match=r"argument 'model' \(the ONNX file\) has no default, and the command line"):
        load(path, {"speed": "2"})


def test_an_include_must_give_what_is_wanted_and_nothing_else(write: Write) -> None:
    inner = write("launch: [{arg: {name: model}}]", "inner.launch.yaml")
    path = write("launch:\n  - include: {file: $(dirname)/inner.launch.yaml}\n")
    with pytest.raises(
        LaunchError, match=f"{path}:2: argument 'model' has no default, and this include gives no value"
    ):
        load(path)
    path = write(
        "launch:\n  - include:\n      file: $(dirname)/inner.launch.yaml\n"
        "      arg: [{name: model, value: x}, {name: modle, value: y}]\n"
    )
    with pytest.raises(
        LaunchError, match=f"{path}:2: this include gives 'modle', which is no argument of {inner.name}"
    ):
        load(path)


def test_a_cycle_of_includes_is_refused_with_its_way(write: Write) -> None:
    a = write("launch:\n  - include: {file: $(dirname)/b.launch.yaml}\n", "a.launch.yaml")
    b = write("launch:\n\n  - include: {file: $(dirname)/a.launch.yaml}\n", "b.launch.yaml")
    with pytest.raises(LaunchError) as error:
        load(a)
    assert str(error.value) == f"{b}:3: {a} includes itself: {a} -> {b} -> {a}."


def test_dirname_is_refused_where_jazzy_gives_another_folder(write: Write) -> None:
    write("launch: []", "inner/inner.launch.yaml")
    path = write("""
        launch:
          - include: {file: $(dirname)/inner/inner.launch.yaml}
          - let: {name: x, value: $(dirname)}
    """)
    with pytest.raises(LaunchError, match=rf"{path}:3: here Jazzy's \$\(dirname\) is {path.parent}/inner"):
        load(path)


def test_two_nodes_of_one_name_are_refused(write: Write) -> None:
    path = write("""
        launch:
          - node: {pkg: convoy_ros, exec: supervisor}
          - node: {pkg: convoy_ros, exec: supervisor}
    """)
    with pytest.raises(LaunchError, match=f"{path}:3: the node of {path}:2 is called '/supervisor' too"):
        load(path)


def test_what_no_condition_starts_is_checked_all_the_same(write: Write) -> None:
    path = write("launch:\n  - group: {if: 'false', children: [{node: {pkg: a, exec: b, colour: red}}]}\n")
    with pytest.raises(LaunchError, match=f"{path}:2: 'node' has an attribute 'colour'"):
        load(path)
