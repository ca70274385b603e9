"""Launch files: what they make of nodes, names, parameters and remappings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convoy.launch import LaunchError, declared_arguments, load, parse_arguments

Write = Callable[..., Path]


def values(path: Path, **arguments: str) -> dict[str, object]:
    """Load a file of one node and return that node's parameters."""
    (node,) = load(path, arguments).nodes
    return dict(node.parameters)


def test_a_node_has_its_name_namespace_remappings_and_line(write: Write) -> None:
    path = write("""
        launch:
          - node:
              pkg: convoy_ros
              exec: steering_policy
              name: front_policy
              namespace: robot
              output: screen
              respawn: "true"
              respawn_delay: 1.5
              ros_args: --log-level warn
              remap:
                - {from: image, to: /camera/image_raw}
                - {from: drive, to: policy/drive}
    """)
    (node,) = load(path).nodes
    assert (node.package, node.executable, node.name.full) == ("convoy_ros", "steering_policy", "/robot/front_policy")
    assert node.name.topic("image") == "/camera/image_raw"
    assert node.name.topic("drive") == "/robot/policy/drive"
    assert (node.respawn, node.respawn_delay_s, node.log_level) == (True, 1.5, "warn")
    assert str(node.place) == f"{path}:2"
    assert node.ros_arguments() == [
        *("--ros-args", "-r", "__node:=front_policy", "-r", "__ns:=/robot"),
        *("-r", "image:=/camera/image_raw", "-r", "drive:=policy/drive", "--log-level", "warn"),
    ]


def test_a_node_without_a_name_has_that_of_its_executable(write: Write) -> None:
    (node,) = load(write("launch: [{node: {pkg: convoy_ros, exec: supervisor}}]")).nodes
    assert node.name.full == "/supervisor"
    assert not node.respawn


def test_parameters_have_the_types_that_ros2_launch_gives_them(write: Write) -> None:
    path = write("""
        launch:
          - arg: {name: number, default: "0.5"}
          - arg: {name: whole, default: "2"}
          - arg: {name: flag, default: "true"}
          - arg: {name: text, default: hello world}
          - arg: {name: empty, default: ""}
          - arg: {name: list, default: "[1, 2]"}
          - node:
              pkg: convoy_ros
              exec: supervisor
              param:
                - {name: number, value: $(var number)}
                - {name: quoted, value: "0.5"}
                - {name: plain, value: 0.5}
                - {name: flag, value: $(var flag)}
                - {name: text, value: $(var text)}
                - {name: empty, value: $(var empty)}
                - {name: list, value: $(var list)}
                - {name: joined, value: $(var number) m}
                - {name: as_text, value: $(var number), type: str}
                - {name: as_float, value: $(var whole), type: float}
                - {name: as_bool, value: "$(var flag)", type: bool}
                - {name: floats, value: [1.5, $(var number)]}
                - {name: strings, value: [a, $(var text)], type: list_of_str}
                - name: nested
                  param:
                    - {name: x, value: 1}
                    - name: deeper
                      param: [{name: $(var text), value: "yes"}]
    """)
    found = values(path)
    expected = {
        "number": 0.5,
        "quoted": "0.5",
        "plain": 0.5,
        "flag": True,
        "text": "hello world",
        "empty": "",
        "list": [1, 2],
        "joined": "0.5 m",
        "as_text": "0.5",
        "as_float": 2.0,
        "as_bool": True,
        "floats": [1.5, 0.5],
        "strings": ["a", "hello world"],
        "nested.x": 1,
        "nested.deeper.hello world": "yes",
    }
    # What rcl reads of the YAML that launch_ros writes: a text that looks like a number to rcl becomes one.
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in expected.items()}


def test_files_and_values_hold_in_the_order_given(write: Write) -> None:
    write("/**: {ros__parameters: {a: file, b: file}}", "x.param.yaml")
    path = write("""
        launch:
          - node:
              pkg: convoy_ros
              exec: supervisor
              param:
                - {name: a, value: before}
                - from: $(dirname)/x.param.yaml
                - {name: b, value: after}
    """)
    assert values(path) == {"a": "file", "b": "after"}


def test_values_of_a_fully_named_node_stand_against_later_files_for_all_nodes(write: Write) -> None:
    for name in ("first", "second"):
        write(f"/**: {{ros__parameters: {{a: {name}}}}}", f"{name}.param.yaml")
    path = write("""
        launch:
          - node:
              pkg: convoy_ros
              exec: supervisor
              name: supervisor
              namespace: robot
              param:
                - from: $(dirname)/first.param.yaml
                - {name: a, value: inline}
                - from: $(dirname)/second.param.yaml
    """)
    assert values(path) == {"a": "inline"}


def test_namespaces_are_pushed_until_the_end_of_the_scoped_group(write: Write) -> None:
    path = write("""
        launch:
          - group:
              - push_ros_namespace: {namespace: a}
              - push_ros_namespace: {namespace: b/}
              - node: {pkg: convoy_ros, exec: supervisor, name: one}
              - node: {pkg: convoy_ros, exec: supervisor, name: two, namespace: c}
              - node: {pkg: convoy_ros, exec: supervisor, name: three, namespace: /d}
          - node: {pkg: convoy_ros, exec: supervisor, name: four}
          - group:
              scoped: false
              children:
                - push_ros_namespace: {namespace: e}
          - node: {pkg: convoy_ros, exec: supervisor, name: five}
          - node: {pkg: convoy_ros, exec: supervisor, name: six, namespace: ""}
    """)
    names = [node.name.full for node in load(path).nodes]
    assert names == ["/a/b/one", "/a/b/c/two", "/d/three", "/four", "/e/five", "/e/six"]


def test_variables_are_forgotten_at_the_end_of_a_scoped_group_only(write: Write) -> None:
    path = write("""
        launch:
          - let: {name: x, value: outer}
          - let: {name: y, value: outer}
          - group:
              - let: {name: x, value: inner}
          - group:
              scoped: false
              children:
                - let: {name: y, value: inner}
          - node: {pkg: convoy_ros, exec: supervisor, param: [{name: x, value: $(var x)}, {name: y, value: $(var y)}]}
    """)
    assert values(path) == {"x": "outer", "y": "inner"}


@pytest.mark.parametrize(("given", "started"), [("true", "a"), ("1", "a"), (" False ", "b"), ("0", "b")])
def test_conditions_choose_what_is_started(write: Write, given: str, started: str) -> None:
    path = write("""
        launch:
          - arg: {name: wanted}
          - node: {pkg: convoy_ros, exec: supervisor, name: a, if: $(var wanted)}
          - group:
              unless: $(var wanted)
              children:
                - node: {pkg: convoy_ros, exec: supervisor, name: b}
    """)
    assert [node.name.name for node in load(path, {"wanted": given}).nodes] == [started]


def test_an_include_shares_variables_and_takes_arguments(write: Write) -> None:
    write(
        """
        launch:
          - arg: {name: speed, default: "1.0"}
          - arg: {name: limit, default: "2.0"}
          - let: {name: from_inside, value: $(dirname)}
          - node:
              pkg: convoy_ros
              exec: supervisor
              param: [{name: s, value: $(var speed)}, {name: l, value: $(var limit)}]
        """,
        "inner/inner.launch.yaml",
    )
    path = write("""
        launch:
          - arg: {name: limit, default: "5.0"}
          - include:
              file: $(dirname)/inner/inner.launch.yaml
              arg: [{name: speed, value: "3.0"}]
          - node: {pkg: convoy_ros, exec: supervisor, name: outer, param: [{name: x, value: $(var from_inside)}]}
    """)
    inner, outer = load(path, {"limit": "7.0"}).nodes
    assert inner.parameters == {"s": 3.0, "l": 7.0}
    assert outer.parameters == {"x": str(path.parent / "inner")}


def test_substitutions(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    share = tmp_path / "prefix/share"
    (share / "ament_index/resource_index/packages").mkdir(parents=True)
    (share / "ament_index/resource_index/packages/my_robot").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path / 'prefix'}")
    monkeypatch.setenv("ROBOT", "fido")
    monkeypatch.delenv("ABSENT", raising=False)
    path = write(r"""
        launch:
          - let: {name: fido_speed, value: fast}
          - let: {name: which, value: fido}
          - node:
              pkg: convoy_ros
              exec: supervisor
              param:
                - {name: env, value: $(env ROBOT)}
                - {name: default, value: $(env ABSENT cat)}
                - {name: single, value: "$(env ABSENT 'a cat')"}
                - {name: double, value: '$(env ABSENT "a $(var which)")'}
                - {name: nothing, value: "$(env ABSENT '')"}
                - {name: nested, value: $(var $(env ROBOT)_speed)}
                - {name: var_default, value: $(var absent slow)}
                - {name: share, value: $(find-pkg-share my_robot)/maps}
                - {name: dirname, value: $(dirname)/x}
                - {name: escaped, value: '\$(var x) costs $5'}
    """)
    assert values(path) == {
        "env": "fido",
        "default": "cat",
        "single": "a cat",
        "double": "a fido",
        "nothing": "",
        "nested": "fast",
        "var_default": "slow",
        "share": f"{share}/my_robot/maps",
        "dirname": f"{tmp_path}/x",
        "escaped": "$(var x) costs $5",
    }


def test_the_source_tree_stands_in_for_convoy_bringup(
    write: Write, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    path = write("launch: [{include: {file: $(find-pkg-share convoy_bringup)/launch/steering.launch.yaml}}]")
    assert [node.name.full for node in load(path).nodes] == ["/steering_policy", "/supervisor"]


def test_arguments_are_read_from_the_command_line() -> None:
    assert parse_arguments(["a:=1", "b:=x:=y", "a:=2", "c:="]) == {"a": "2", "b": "x:=y", "c": ""}
    with pytest.raises(LaunchError, match="Found 'speed=1' after the launch file; wanted NAME:=VALUE"):
        parse_arguments(["speed=1"])


def test_the_arguments_of_a_file_and_those_its_includes_leave_open_are_listed(write: Write) -> None:
    write(
        """
        launch:
          - arg: {name: given}
          - arg: {name: open, default: "1"}
          - include: {file: $(dirname)/a.launch.yaml}
        """,
        "b.launch.yaml",
    )
    path = write(
        """
        launch:
          - arg: {name: mode, default: slow, description: How to drive, choice: [{value: slow}, {value: fast}]}
          - group:
              - include: {file: $(dirname)/b.launch.yaml, arg: [{name: given, value: x}]}
          - include: {file: $(var mode).launch.yaml}
          - group:
              if: "false"
              children:
                - arg: {name: hidden}
        """,
        "a.launch.yaml",
    )
    mode, hidden, opened = declared_arguments(path)
    assert (mode.name, mode.default_text, mode.description, mode.choices) == (
        *("mode", "slow", "How to drive"),
        ("slow", "fast"),
    )
    assert (hidden.name, opened.name) == ("hidden", "open")
