"""Parameter files and ``--ros-args``, as rcl reads them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from convoy.graph import ParameterError
from convoy.launch.parameters import ParameterRules, parse_yaml, written
from convoy.launch.ros_args import RosArgumentError, parse_ros_arguments


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("5.", 5.0),
        (".5", 0.5),
        ("010", 8),
        ("08", 8.0),
        ("0x1F", 31),
        ("-3", -3),
        ("99999999999999999999", 1e20),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("y", True),
        ("Off", False),
        ("oFF", "oFF"),
        ("'1'", "1"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("null", "null"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_scalars_have_the_types_that_rcl_gives_them(text: str, value: object) -> None:
    assert parse_yaml(text) == value
    assert type(parse_yaml(text)) is type(value)


@pytest.mark.parametrize("value", [True, 3, 1e-5, 2.0, math.inf, "", "y", "1e-5", 'a "b"\n$c', ["1", "x"], [1.0, 2.0]])
def test_a_value_survives_being_written_as_an_argument(value: object) -> None:
    assert parse_yaml(written(value)) == value
    assert type(parse_yaml(written(value))) is type(value)


def test_a_file_speaks_to_nodes_by_pattern(write: Callable[..., Path]) -> None:
    path = write(
        """
        /**:
          ros__parameters: {everywhere: 1}
        /robot/supervisor:
          ros__parameters: {exact: 1, nested: {x: 1, y: 2}}
        /*/supervisor:
          ros__parameters: {one_level: 1}
        /**/supervisor:
          ros__parameters: {any_level: 1}
        robot:
          supervisor:
            ros__parameters: {by_nesting: 1}
        /robot/policy:
          ros__parameters: {other: 1}
        """,
        "x.param.yaml",
    )
    rules = ParameterRules()
    rules.add_file(path)
    assert rules.select("/robot/supervisor") == {
        "everywhere": 1,
        "exact": 1,
        "nested.x": 1,
        "nested.y": 2,
        "one_level": 1,
        "any_level": 1,
        "by_nesting": 1,
    }
    assert rules.select("/supervisor") == {"everywhere": 1, "any_level": 1}


def test_the_pattern_that_appeared_later_wins_and_under_one_pattern_the_later_value() -> None:
    rules = ParameterRules()
    rules.add("/**", {"a": 1, "b": 1})
    rules.add("/robot/node", {"a": 2})
    rules.add("/**", {"a": 3, "b": 3})
    assert rules.select("/robot/node") == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("[1, 2]", "wanted sections such as"),
        ("/node: {speed: 1}", "section '/node' must have 'ros__parameters', and it alone"),
        ("/node: {ros__parameters: {a: 1}, b: {}}", "section '/node' must have 'ros__parameters', and it alone"),
        ("/node: {ros__parameters: [1]}", "section '/node' has no values, but"),
    ],
)
def test_what_is_no_parameter_file_is_refused(write: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ParameterRules().add_file(write(text, "x.param.yaml"))


def test_a_missing_parameter_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"missing\.yaml: No such file"):
        ParameterRules().add_file(tmp_path / "missing.yaml")


def test_ros_arguments_name_the_node_its_topics_and_its_parameters(write: Callable[..., Path]) -> None:
    path = write("/**/mine: {ros__parameters: {speed: 1.0, limit: 2.0}}", "x.param.yaml")
    arguments = parse_ros_arguments(
        "--ros-args -r __node:=mine -r __ns:=/robot -r image:=/camera/image_raw -r image:=/second -r other:drive:=/no "
        f"--params-file {path} -p speed:=3 -p other:limit:=9 --log-level debug".split(),
        default_name="steering_policy",
    )
    assert arguments.node.full == "/robot/mine"
    assert arguments.node.topic("image") == "/camera/image_raw"
    assert arguments.node.topic("drive") == "/robot/drive"
    # The file's pattern came first, so /** (from -p) comes after it.
    assert arguments.parameters == {"speed": 3, "limit": 2.0}
    assert arguments.log_level == "debug"


def test_without_ros_arguments_the_node_has_its_own_name() -> None:
    arguments = parse_ros_arguments([], default_name="supervisor")
    assert (arguments.node.full, arguments.parameters, arguments.log_level) == ("/supervisor", {}, "info")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speed", "1"], "found '--speed'; wanted -r FROM:=TO"),
        (["-p"], "-p wants a value after it"),
        (["-p", "speed"], "-p 'speed': wanted NAME:=VALUE"),
        (["-p", "speed:=["], r"the value is not YAML"),
        (["-r", ":=x"], "-r ':=x': wanted FROM:=TO"),
        (["--log-level", "loud"], "--log-level 'loud': wanted one of debug"),
    ],
)
def test_malformed_ros_arguments_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(RosArgumentError, match=message):
        parse_ros_arguments(["--ros-args", *arguments], default_name="x")
